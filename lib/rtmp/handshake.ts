/**
 * The RTMP handshake of both sides (RTMP 1.0 §5.2) as machines without input or output: bytes in,
 * bytes to send out. Packets may be cut anywhere. A machine holds at most one block (1536 bytes).
 *
 * Both speak the digest handshake (`handshake_digest.ts`) and fall back to the simple one.
 */

import { concatBytes, readU32, writeU32 } from "../base/bytes.ts";
import { WireError } from "../base/errors.ts";

import {
  createDigestBlock,
  createDigestReply,
  findDigest,
  HANDSHAKE_BLOCK_BYTES,
} from "./handshake_digest.ts";
import type { RandomBytes } from "./handshake_digest.ts";

/** What a handshake needs from outside. */
export interface HandshakeOptions {
  /** Random bytes; nothing secret depends on them. */
  readonly random: RandomBytes;
  /** Time to announce as this side's epoch, in milliseconds; any clock. */
  readonly nowMs: number;
}

/** What came of feeding a handshake. */
export interface HandshakeProgress {
  /** Bytes to send now, or `null`. They belong to the caller. */
  readonly send: Uint8Array | null;
  /** True once the chunk stream may begin. */
  readonly done: boolean;
  /**
   * The fed bytes that lie behind the handshake, a view: peers put their first command into the packet
   * that ends the handshake. Empty until `done`.
   */
  readonly rest: Uint8Array;
}

const RTMP_VERSION = 3;

/** First bytes of RTMPE: 6 with RC4, 8 with XTEA (librtmp). */
const RTMPE_VERSIONS: readonly number[] = [6, 8];

/** First byte of the header that SRS's own proxy puts before C0. */
const PROXY_HEADER = 0xf3;
const MIN_PROXY_BYTES = 4;
const MAX_PROXY_BYTES = 1024;

/** First byte of a TLS connection: the record type of a ClientHello (RFC 8446 §5.1). */
const TLS_HANDSHAKE_RECORD = 0x16;

/** First letters of GET, POST, HEAD, OPTIONS, DELETE, CONNECT, TRACE: no method begins otherwise. */
const HTTP_METHOD_INITIALS = "GPHODCT";

/**
 * The server's side: takes C0 C1 C2, gives S0 S1 S2. A client that opens with a valid digest is answered
 * with the same schema, any other client with the simple handshake.
 *
 * After a thrown error the machine is of no more use; close the connection.
 */
export class ServerHandshake {
  readonly #options: HandshakeOptions;
  readonly #stages: StageRunner;
  #realIp: string | null = null;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#stages = new StageRunner({
      bytes: 1,
      run: (first) =>
        first[0] === PROXY_HEADER ? this.#awaitProxyLength() : this.#onC0(first[0]!, 0),
    });
  }

  /**
   * The client's IPv4 address as an SRS proxy in front reported it, or `null`. Anybody can send the
   * header, so it is worth as much as the peer is trusted.
   */
  get realIp(): string | null {
    return this.#realIp;
  }

  /**
   * Feeds received bytes.
   *
   * @throws {WireError} `handshake.version` at the first byte that is not RTMP's;
   * `handshake.proxy_header` on a proxy header of impossible length.
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
    return nextStage(length, (body) => {
      this.#realIp = body.subarray(0, 4).join(".");
      return nextStage(1, (c0) => this.#onC0(c0[0]!, 3 + length));
    });
  }

  #onC0(version: number, offset: number): StageResult {
    if (version !== RTMP_VERSION) throw clientVersionError(version, offset);
    return nextStage(HANDSHAKE_BLOCK_BYTES, (c1) => this.#onC1(c1));
  }

  #onC1(c1: Uint8Array): StageResult {
    return {
      send: concatBytes([new Uint8Array([RTMP_VERSION]), ...this.#answer(c1)]),
      // C2 is not looked at: Flash Player and others fill it with what they like, and a wrong echo would
      // prove nothing about the bytes that follow.
      next: { bytes: HANDSHAKE_BLOCK_BYTES, run: () => FINISHED },
    };
  }

  /**
   * S1 and S2.
   *
   * DEVIATION: RTMP 1.0 §5.2.4, the second field of S2 is the time at which C1 was read; here S2 is C1
   * unchanged | because librtmp 2.4 compares the whole block | test
   * "ServerHandshake.push() echoes C1 when it carries no digest"
   */
  #answer(c1: Uint8Array): [Uint8Array, Uint8Array] {
    const { random, nowMs } = this.#options;
    // Zero announces that there is no digest; to look for one all the same takes longer than all the rest.
    const found = readU32(c1, 4) === 0 ? null : findDigest(c1, "client");
    if (found === null) return [createSimpleBlock(this.#options), c1];
    return [
      createDigestBlock({ role: "server", schema: found.schema, nowMs, random }),
      createDigestReply("server", found.digest, random),
    ];
  }
}

/**
 * The client's side: gives C0 C1 C2, takes S0 S1 S2.
 *
 * After a thrown error the machine is of no more use; close the connection.
 */
export class ClientHandshake {
  readonly #options: HandshakeOptions;
  readonly #stages: StageRunner;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#stages = new StageRunner({ bytes: 1, run: (s0) => this.#onS0(s0[0]!) });
  }

  /** C0 and C1, with a digest of schema 1: to be sent first. A new array at each call. */
  start(): Uint8Array {
    const c1 = createDigestBlock({ role: "client", schema: 1, ...this.#options });
    return concatBytes([new Uint8Array([RTMP_VERSION]), c1]);
  }

  /**
   * Feeds received bytes. C2 is to be sent as soon as S1 is here; `done` comes with the end of S2.
   *
   * @throws {WireError} `handshake.version` when the server's first byte is not RTMP's.
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
      // S2 is not verified, for the reason C2 is not.
      next: { bytes: HANDSHAKE_BLOCK_BYTES, run: () => FINISHED },
    };
  }
}

/** A number of bytes to wait for, and what to do with them, which are valid during the call only. */
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

/** Gathers the bytes of one stage after the other from packets cut anywhere. */
class StageRunner {
  #stage: Stage | null;
  /** What a packet brought of the stage's bytes when it did not bring all; null before that. */
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
      // Each side answers once, so a packet that holds the whole handshake has one answer too.
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

  /** @returns all bytes of the stage, or null when some are missing; copied only when they came in parts */
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

/** S1 of the simple handshake. Its second field is zero, which tells ffmpeg to expect no digest. */
function createSimpleBlock(options: HandshakeOptions): Uint8Array {
  const block = options.random(HANDSHAKE_BLOCK_BYTES);
  writeU32(block, 0, options.nowMs);
  writeU32(block, 4, 0);
  return block;
}

// DEVIATION: RTMP 1.0 §5.2.2, a server should answer 3 to a version it does not know | because the peer is
// never an RTMP client of another version but one of another protocol, whom an answer keeps waiting | test
// "ServerHandshake.push() refuses another protocol at its first byte"
function clientVersionError(version: number, offset: number): WireError {
  const byte = describeByte(version);
  if (RTMPE_VERSIONS.includes(version)) {
    return new WireError(
      "handshake.version",
      `Cannot start RTMP handshake: first byte ${byte} asks for encrypted RTMPE, which is not spoken here`,
      { offset, fix: "use an rtmp:// address in the client" },
    );
  }
  if (version === TLS_HANDSHAKE_RECORD) {
    return new WireError(
      "handshake.version",
      `Cannot start RTMP handshake: first byte ${byte} looks like TLS on a port without TLS`,
      { offset, fix: "use an rtmp:// address in the client, not rtmps://" },
    );
  }
  if (HTTP_METHOD_INITIALS.includes(String.fromCharCode(version))) {
    return new WireError(
      "handshake.version",
      `Cannot start RTMP handshake: first byte ${byte} looks like an HTTP request on an RTMP port`,
      { offset, fix: "open this port with an rtmp:// address; HTTP is served on another port" },
    );
  }
  return new WireError(
    "handshake.version",
    `Cannot start RTMP handshake: first byte is ${byte} where RTMP version 3 belongs`,
    { offset, fix: "check that the program that connects speaks RTMP" },
  );
}

function serverVersionError(version: number): WireError {
  return new WireError(
    "handshake.version",
    `Cannot finish RTMP handshake: first byte of the server is ${describeByte(version)} where ` +
      "RTMP version 3 belongs",
    { offset: 0, fix: "check that address and port are those of an RTMP server" },
  );
}

function proxyHeaderError(length: number): WireError {
  return new WireError(
    "handshake.proxy_header",
    `Cannot read proxy header before the RTMP handshake: its length is ${length} where ` +
      `${MIN_PROXY_BYTES} to ${MAX_PROXY_BYTES} is allowed`,
    { offset: 1, fix: "check that the proxy in front sends SRS's 0xF3 header" },
  );
}

/** `0x47 ("G")`, or `0x06` for what does not print. */
function describeByte(byte: number): string {
  const digits = `0x${byte.toString(16).padStart(2, "0")}`;
  return byte > 0x20 && byte < 0x7f ? `${digits} ("${String.fromCharCode(byte)}")` : digits;
}
