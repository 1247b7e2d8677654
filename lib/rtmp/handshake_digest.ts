/**
 * The digest ("complex") handshake of Flash Player 9, which no specification describes. The first
 * blocks (C1, S1) contain an HMAC-SHA256 of themselves at an offset given in the block. The second
 * blocks (C2, S2) are signed with a key derived from the peer's digest. ffmpeg, SRS and nginx-rtmp
 * use it; other peers get the simple handshake of RTMP 1.0 §5.2.
 *
 * A block also has room for a Diffie-Hellman public key, which only encrypted RTMPE uses. Here it
 * stays random.
 */

// Web Crypto's HMAC is asynchronous, and the handshake must not need promises.
import { createHmac } from "node:crypto";

import { concatBytes, encodeUtf8, writeU32 } from "../base/bytes.ts";

/** Length of C1, S1, C2 and S2 (RTMP 1.0 §5.2.1). */
export const HANDSHAKE_BLOCK_BYTES = 1536;

/**
 * Where a block has its digest: `0` in the second half (librtmp with RTMPE), `1` in the first half
 * (ffmpeg, Flash Player). The numbers are those of SRS.
 */
export type DigestSchema = 0 | 1;

/** The side that created a block. Clients and servers sign with different keys. */
export type HandshakeRole = "client" | "server";

/** The digest of a valid C1 or S1. */
interface BlockDigest {
  readonly schema: DigestSchema;
  /** A copy of the 32 bytes. */
  readonly digest: Uint8Array;
}

/** Returns `length` random bytes in a new array, owned by the caller. */
export type RandomBytes = (length: number) => Uint8Array;

/** Options of {@linkcode createDigestBlock}. */
interface DigestBlockOptions {
  readonly role: HandshakeRole;
  readonly schema: DigestSchema;
  /** Timestamp for the first field, in milliseconds with any epoch. */
  readonly nowMs: number;
  readonly random: RandomBytes;
}

const DIGEST_BYTES = 32;

/** Number of possible offsets of a digest. */
const DIGEST_OFFSETS = 728;

/** Start of the digest part: four bytes whose sum gives the offset, then the range of offsets. */
const DIGEST_PART_START: Readonly<Record<DigestSchema, number>> = { 0: 772, 1: 8 };

/** Second field of C1 and S1. Any value but zero announces a digest. SRS sends these. */
const BLOCK_VERSION: Readonly<Record<HandshakeRole, number>> = {
  client: 0x80000702,
  server: 0x01000504,
};

/** Keys that sign C1 and S1. */
const BLOCK_KEY: Readonly<Record<HandshakeRole, Uint8Array>> = {
  client: encodeUtf8("Genuine Adobe Flash Player 001"),
  server: encodeUtf8("Genuine Adobe Flash Media Server 001"),
};

// deno-fmt-ignore
const REPLY_KEY_TAIL = new Uint8Array([
  0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57,
  0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
]);

/** Keys that sign the peer's digest; the result is the key that signs C2 and S2. */
const REPLY_KEY: Readonly<Record<HandshakeRole, Uint8Array>> = {
  client: concatBytes([BLOCK_KEY.client, REPLY_KEY_TAIL]),
  server: concatBytes([BLOCK_KEY.server, REPLY_KEY_TAIL]),
};

/**
 * Returns the digest of a C1 (`signer` is client) or S1 (`signer` is server), or `null` when there
 * is no valid one: the peer then uses the simple handshake.
 */
export function findDigest(block: Uint8Array, signer: HandshakeRole): BlockDigest | null {
  return readDigest(block, signer, 0) ?? readDigest(block, signer, 1);
}

/** Creates a C1 or S1: timestamp, version, random bytes, and the digest of all of them. */
export function createDigestBlock(options: DigestBlockOptions): Uint8Array {
  const { role, schema } = options;
  const block = options.random(HANDSHAKE_BLOCK_BYTES);
  writeU32(block, 0, options.nowMs);
  writeU32(block, 4, BLOCK_VERSION[role]);
  block.set(computeDigest(block, role, schema), digestOffset(block, schema));
  return block;
}

/** Creates a C2 or S2 by `role`: random bytes, signed for the peer's `digest`. */
export function createDigestReply(
  role: HandshakeRole,
  digest: Uint8Array,
  random: RandomBytes,
): Uint8Array {
  const reply = random(HANDSHAKE_BLOCK_BYTES);
  const signedBytes = HANDSHAKE_BLOCK_BYTES - DIGEST_BYTES;
  const key = hmacSha256(REPLY_KEY[role], [digest]);
  reply.set(hmacSha256(key, [reply.subarray(0, signedBytes)]), signedBytes);
  return reply;
}

function readDigest(
  block: Uint8Array,
  signer: HandshakeRole,
  schema: DigestSchema,
): BlockDigest | null {
  const start = digestOffset(block, schema);
  const digest = block.slice(start, start + DIGEST_BYTES);
  const expected = computeDigest(block, signer, schema);
  return digest.every((byte, i) => byte === expected[i]) ? { schema, digest } : null;
}

/** Computes the digest of the block without the bytes of the digest itself. */
function computeDigest(
  block: Uint8Array,
  signer: HandshakeRole,
  schema: DigestSchema,
): Uint8Array {
  const start = digestOffset(block, schema);
  return hmacSha256(BLOCK_KEY[signer], [
    block.subarray(0, start),
    block.subarray(start + DIGEST_BYTES),
  ]);
}

function digestOffset(block: Uint8Array, schema: DigestSchema): number {
  const start = DIGEST_PART_START[schema];
  const sum = block[start]! + block[start + 1]! + block[start + 2]! + block[start + 3]!;
  return start + 4 + sum % DIGEST_OFFSETS;
}

function hmacSha256(key: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
