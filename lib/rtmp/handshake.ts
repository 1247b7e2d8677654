/**
 * The RTMP handshake of both sides (RTMP 1.0 §5.2). Both support the digest handshake
 * (`handshake_digest.ts`) and fall back to the simple one. Received bytes go in, bytes to send come
 * out; packets may be cut anywhere. Each side buffers at most one block (1536 bytes).
 */

import { concatBytes, encodeUtf8, readU32, writeU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";
import {
  createDigestBlock,
  createDigestReply,
  findDigest,
  HANDSHAKE_BLOCK_BYTES,
  type RandomBytes,
} from "./handshake_digest.ts";

/** Options of {@linkcode ServerHandshake} and {@linkcode ClientHandshake}. */
export interface HandshakeOptions {
  /** Random bytes. They need not be secret. */
  readonly random: RandomBytes;
  /** Timestamp to announce, in milliseconds with any epoch. */
  readonly nowMs: number;
}

/** Result of pushing bytes into a handshake. */
export interface HandshakeProgress {
  /** Bytes to send now, or `null`. Owned by the caller. */
  readonly send: Uint8Array | null;
  /** Whether the handshake is complete and the chunk stream starts. */
  readonly done: boolean;
  /**
   * The pushed bytes after the handshake, as a view. Peers send their first command in the packet
   * that ends the handshake. Empty until `done`.
   */
  readonly rest: Uint8Array;
}

const RTMP_VERSION = 3;

/** First bytes of RTMPE: 6 with RC4, 8 with XTEA (librtmp). */
const RTMPE_VERSIONS: readonly number[] = [6, 8];

/** First byte of the header that SRS's proxy sends before C0. */
const PROXY_HEADER = 0xf3;
const MIN_PROXY_BYTES = 4;
const MAX_PROXY_BYTES = 1024;

/** First byte of a TLS connection: the record type of a ClientHello (RFC 8446 §5.1). */
const TLS_HANDSHAKE_RECORD = 0x16;

/** Start of version 1 of the PROXY protocol. POST, PUT and PATCH share its first letter. */
const PROXY_V1 = encodeUtf8("PROXY ");

/** Start of the signature of version 2 of the PROXY protocol, up to its first zero. */
const PROXY_V2 = new Uint8Array([0x0d, 0x0a, 0x0d, 0x0a, 0x00]);

/** First letters of all HTTP methods: GET, POST, HEAD, OPTIONS, DELETE, CONNECT, TRACE. */
const HTTP_METHOD_INITIALS = "GPHODCT";

/**
 * The server's side. Answers a client whose C1 has a valid digest with the same schema, and any
 * other client with the simple handshake.
 *
 *     ┌─ 0xF3 ─> PROXY LENGTH ──> PROXY BODY ─┐
 *     │                                       v
 *     START ──────────────────────────────── C0 ──> C1 ── send S0 S1 S2 ──> C2 ──> DONE
 *
 * A first byte that starts the PROXY protocol is judged with the bytes after it, so that the error
 * names what it is.
 *
 * After an error, every further {@linkcode push} throws the same error; close the connection.
 */
export class ServerHandshake {
  readonly #options: HandshakeOptions;
  readonly #stages: StageRunner;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#stages = new StageRunner({
      bytes: 1,
      run: (first) =>
        first[0] === PROXY_HEADER ? this.#awaitProxyLength() : this.#onC0(first[0]!, 0),
    });
  }

  /**
   * Reads received bytes.
   *
   * @throws {WireError} `handshake.version` when the first byte is not RTMP version 3;
   *   `handshake.proxy_header` for an invalid length of the proxy header
   */
  push(bytes: Uint8Array): HandshakeProgress {
    return this.#stages.push(bytes);
  }

  #awaitProxyLength(): StageResult {
    return nextStage(2, (field) => {
      const length = (field[0]! << 8) | field[1]!;
      if (length < MIN_PROXY_BYTES || length > MAX_PROXY_BYTES) throw proxyHeaderError(length);
      return this.#awaitProxyBody(length);
    });
  }

  #awaitProxyBody(length: number): StageResult {
    // The body is the client's address. Any client can send this header, so it is not used.
    return nextStage(length, () => nextStage(1, (c0) => this.#onC0(c0[0]!, 3 + length)));
  }

  #onC0(version: number, offset: number): StageResult {
    for (const signature of [PROXY_V1, PROXY_V2]) {
      if (version === signature[0]) return this.#awaitProxyProtocol(signature, offset);
    }
    if (version !== RTMP_VERSION) throw clientVersionError(version, offset);
    return nextStage(HANDSHAKE_BLOCK_BYTES, (c1) => this.#onC1(c1));
  }

  /** Always throws: what takes one byte more to tell apart is not RTMP in any case. */
  #awaitProxyProtocol(signature: Uint8Array, offset: number): StageResult {
    return nextStage(signature.length - 1, (rest) => {
      const isProxy = rest.every((byte, index) => byte === signature[index + 1]);
      throw isProxy ? proxyProtocolError(offset) : clientVersionError(signature[0]!, offset);
    });
  }

  #onC1(c1: Uint8Array): StageResult {
    return {
      send: concatBytes([new Uint8Array([RTMP_VERSION]), ...this.#answer(c1)]),
      // Ignore C2: Flash Player and others fill it with arbitrary bytes, and a wrong echo says
      // nothing about the bytes that follow.
      next: { bytes: HANDSHAKE_BLOCK_BYTES, run: () => FINISHED },
    };
  }

  /**
   * Returns S1 and S2.
   *
   * DEVIATION: the second field of S2 is the time at which C1 was read (RTMP 1.0 §5.2.4); here S2
   * is C1 unchanged | because librtmp 2.4 compares the whole block | test "ServerHandshake.push()
   * echoes a C1 without a digest"
   */
  #answer(c1: Uint8Array): [Uint8Array, Uint8Array] {
    const { random, nowMs } = this.#options;
    // Zero announces that there is no digest. Searching for one takes longer than everything else.
    const found = readU32(c1, 4) === 0 ? null : findDigest(c1, "client");
    if (found === null) return [createSimpleBlock(this.#options), c1];
    return [
      createDigestBlock({ role: "server", schema: found.schema, nowMs, random }),
      createDigestReply("server", found.digest, random),
    ];
  }
}

/**
 * The client's side.
 *
 *     start(): C0 C1 ──> S0 ──> S1 ── send C2 ──> S2 ──> DONE
 *
 * After an error, every further {@linkcode push} throws the same error; close the connection.
 */
export class ClientHandshake {
  readonly #options: HandshakeOptions;
  readonly #stages: StageRunner;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#stages = new StageRunner({ bytes: 1, run: (s0) => this.#onS0(s0[0]!) });
  }

  /** Returns C0 and C1 with a digest of schema 1, in a new array. Send them first. */
  start(): Uint8Array {
    const c1 = createDigestBlock({ role: "client", schema: 1, ...this.#options });
    return concatBytes([new Uint8Array([RTMP_VERSION]), c1]);
  }

  /**
   * Reads received bytes. Returns C2 to send after S1, and `done` after S2.
   *
   * @throws {WireError} `handshake.version` when the first byte is not RTMP version 3
   */
  push(bytes: Uint8Array): HandshakeProgress {
    return this.#stages.push(bytes);
  }

  #onS0(version: number): StageResult {
    if (version !== RTMP_VERSION) throw serverVersionError(version);
    return nextStage(HANDSHAKE_BLOCK_BYTES, (s1) => this.#onS1(s1));
  }

  #onS1(s1: Uint8Array): StageResult {
    const found = findDigest(s1, "server");
    return {
      send: found === null
        ? s1.slice()
        : createDigestReply("client", found.digest, this.#options.random),
      // Ignore S2, for the same reasons as C2.
      next: { bytes: HANDSHAKE_BLOCK_BYTES, run: () => FINISHED },
    };
  }
}

/** A number of bytes to wait for and their handler. The bytes are valid only during the call. */
interface Stage {
  readonly bytes: number;
  readonly run: (block: Uint8Array) => StageResult;
}

interface StageResult {
  readonly send: Uint8Array | null;
  /** `null` ends the handshake. */
  readonly next: Stage | null;
}

const FINISHED: StageResult = { send: null, next: null };

function nextStage(bytes: number, run: Stage["run"]): StageResult {
  return { send: null, next: { bytes, run } };
}

/** Collects the bytes of each stage from packets cut anywhere, and runs the stages. */
class StageRunner {
  #stage: Stage | null;
  /** The stage's bytes while they are incomplete. Null when none were received. */
  #block: Uint8Array | null = null;
  #filled = 0;
  #error: unknown = null;

  constructor(first: Stage) {
    this.#stage = first;
  }

  push(bytes: Uint8Array): HandshakeProgress {
    if (this.#error !== null) throw this.#error;
    let send: Uint8Array | null = null;
    let rest = bytes;
    for (let stage = this.#stage; stage !== null && rest.length > 0; stage = this.#stage) {
      const taken = rest.subarray(0, stage.bytes - this.#filled);
      rest = rest.subarray(taken.length);
      const block = this.#gather(taken, stage.bytes);
      if (block === null) break;
      const result = this.#run(stage, block);
      this.#stage = result.next;
      // Each side answers once, even when one packet contains the whole handshake.
      send ??= result.send;
    }
    return { send, done: this.#stage === null, rest };
  }

  #run(stage: Stage, block: Uint8Array): StageResult {
    try {
      return stage.run(block);
    } catch (error) {
      this.#error = error;
      throw error;
    }
  }

  /** Returns all bytes of the stage, or null if incomplete. Copies only split ones. */
  #gather(taken: Uint8Array, wantedBytes: number): Uint8Array | null {
    if (taken.length === wantedBytes) return taken;
    this.#block ??= new Uint8Array(wantedBytes);
    this.#block.set(taken, this.#filled);
    this.#filled += taken.length;
    if (this.#filled < wantedBytes) return null;
    const block = this.#block;
    this.#block = null;
    this.#filled = 0;
    return block;
  }
}

/** S1 of the simple handshake. The zero in its second field tells ffmpeg to expect no digest. */
function createSimpleBlock(options: HandshakeOptions): Uint8Array {
  const block = options.random(HANDSHAKE_BLOCK_BYTES);
  writeU32(block, 0, options.nowMs);
  writeU32(block, 4, 0);
  return block;
}

// DEVIATION: a server should answer 3 to a version it does not know (RTMP 1.0 §5.2.2) | because in
// practice such a client speaks another protocol, and an answer would keep it waiting | test
// "ServerHandshake.push() rejects another protocol at its first byte"
function clientVersionError(version: number, offset: number): WireError {
  const byte = describeByte(version);
  if (RTMPE_VERSIONS.includes(version)) {
    return new WireError(
      "handshake.version",
      `Cannot start RTMP handshake: first byte ${byte} requests encrypted RTMPE, which is not supported`,
      { offset, fix: "use an rtmp:// URL in the client" },
    );
  }
  if (version === TLS_HANDSHAKE_RECORD) {
    return new WireError(
      "handshake.version",
      `Cannot start RTMP handshake: first byte ${byte} looks like TLS on a port without TLS`,
      { offset, fix: "use an rtmp:// URL in the client, not rtmps://" },
    );
  }
  if (HTTP_METHOD_INITIALS.includes(String.fromCharCode(version))) {
    return new WireError(
      "handshake.version",
      `Cannot start RTMP handshake: first byte ${byte} looks like an HTTP request on an RTMP port`,
      { offset, fix: "use an rtmp:// URL for this port; HTTP is served on another port" },
    );
  }
  return new WireError(
    "handshake.version",
    `Cannot start RTMP handshake: first byte is ${byte} instead of RTMP version 3`,
    { offset, fix: "check that the client speaks RTMP" },
  );
}

function serverVersionError(version: number): WireError {
  return new WireError(
    "handshake.version",
    `Cannot complete RTMP handshake: first byte of the server is ${describeByte(version)} ` +
      "instead of RTMP version 3",
    { offset: 0, fix: "check that the address and port are those of an RTMP server" },
  );
}

function proxyProtocolError(offset: number): WireError {
  return new WireError(
    "handshake.version",
    "Cannot start RTMP handshake: the PROXY protocol is not accepted from this address",
    { offset, fix: "list the load balancer in proxy_protocol, or turn it off there" },
  );
}

function proxyHeaderError(length: number): WireError {
  return new WireError(
    "handshake.proxy_header",
    `Cannot read proxy header before the RTMP handshake: its length is ${length}, ` +
      `but must be ${MIN_PROXY_BYTES} to ${MAX_PROXY_BYTES}`,
    { offset: 1, fix: "check that the proxy sends SRS's 0xF3 header" },
  );
}

/** Formats a byte: `0x47 ("G")`, or `0x06` if not printable. */
function describeByte(byte: number): string {
  const digits = `0x${byte.toString(16).padStart(2, "0")}`;
  return byte > 0x20 && byte < 0x7f ? `${digits} ("${String.fromCharCode(byte)}")` : digits;
}
