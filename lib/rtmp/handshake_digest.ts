/**
 * The digest ("complex") handshake that Flash Player 9 brought and no specification describes: both
 * first blocks (C1, S1) carry an HMAC-SHA256 of themselves at a place that the block itself names, and
 * both second blocks (C2, S2) are signed with a key made from the other side's digest. ffmpeg, SRS and
 * nginx-rtmp play along; a peer that does not gets the simple handshake of RTMP 1.0 §5.2.
 *
 * A block also holds a Diffie-Hellman public key. Only encrypted RTMPE uses it, so here it stays random.
 *
 * Pure functions; random bytes and the time are arguments. Called by `handshake.ts` only.
 */

// Web Crypto's HMAC is asynchronous and would bring promises into the handshake machines.
import { createHmac } from "node:crypto";

import { concatBytes, encodeUtf8, writeU32 } from "../base/bytes.ts";

/** Length of C1, S1, C2 and S2 (RTMP 1.0 §5.2.1). */
export const HANDSHAKE_BLOCK_BYTES = 1536;

/**
 * Where a block keeps its digest: `0` in its second half (librtmp with RTMPE), `1` in its first half
 * (ffmpeg, Flash Player). Numbered as SRS does.
 */
export type DigestSchema = 0 | 1;

/** Who made a block: clients and servers sign with different keys. */
export type HandshakeRole = "client" | "server";

/** The digest found in a valid C1 or S1. */
export interface BlockDigest {
  readonly schema: DigestSchema;
  /** The 32 bytes, a copy. */
  readonly digest: Uint8Array;
}

/** Returns `length` new random bytes. The caller becomes their owner and may write into them. */
export type RandomBytes = (length: number) => Uint8Array;

/** What a new C1 or S1 is made of. */
export interface DigestBlockOptions {
  readonly role: HandshakeRole;
  readonly schema: DigestSchema;
  /** Sender's time for the first field; any epoch. */
  readonly nowMs: number;
  readonly random: RandomBytes;
}

const DIGEST_BYTES = 32;

/** A digest may begin at this many places. */
const DIGEST_OFFSETS = 728;

/** Start of the digest part: four bytes whose sum tells the place, then the places. */
const DIGEST_PART_START: Readonly<Record<DigestSchema, number>> = { 0: 772, 1: 8 };

/** Second field of C1 and S1. Anything but zero announces the digest; these are the versions SRS sends. */
const BLOCK_VERSION: Readonly<Record<HandshakeRole, number>> = {
  client: 0x80000702,
  server: 0x01000504,
};

/** Signs C1 and S1. */
const BLOCK_KEY: Readonly<Record<HandshakeRole, Uint8Array>> = {
  client: encodeUtf8("Genuine Adobe Flash Player 001"),
  server: encodeUtf8("Genuine Adobe Flash Media Server 001"),
};

// deno-fmt-ignore
const REPLY_KEY_TAIL = new Uint8Array([
  0xf0, 0xee, 0xc2, 0x4a, 0x80, 0x68, 0xbe, 0xe8, 0x2e, 0x00, 0xd0, 0xd1, 0x02, 0x9e, 0x7e, 0x57,
  0x6e, 0xec, 0x5d, 0x2d, 0x29, 0x80, 0x6f, 0xab, 0x93, 0xb8, 0xe6, 0x36, 0xcf, 0xeb, 0x31, 0xae,
]);

/** Signs C2 and S2, by way of the other side's digest. */
const REPLY_KEY: Readonly<Record<HandshakeRole, Uint8Array>> = {
  client: concatBytes([BLOCK_KEY.client, REPLY_KEY_TAIL]),
  server: concatBytes([BLOCK_KEY.server, REPLY_KEY_TAIL]),
};

/**
 * The digest of a C1 (`signer` client) or S1 (`signer` server), or `null` when the block carries none
 * that is valid: the peer then speaks the simple handshake.
 */
export function findDigest(block: Uint8Array, signer: HandshakeRole): BlockDigest | null {
  return readDigest(block, signer, 0) ?? readDigest(block, signer, 1);
}

/** A new C1 or S1: time, version, random bytes, and the digest over all of it. */
export function createDigestBlock(options: DigestBlockOptions): Uint8Array {
  const { role, schema } = options;
  const block = options.random(HANDSHAKE_BLOCK_BYTES);
  writeU32(block, 0, options.nowMs);
  writeU32(block, 4, BLOCK_VERSION[role]);
  block.set(computeDigest(block, role, schema), digestOffset(block, schema));
  return block;
}

/** A new C2 (`role` client) or S2 (`role` server): random bytes, signed for the peer's `digest`. */
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

/** Digest of everything in the block but the digest's own place. */
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
