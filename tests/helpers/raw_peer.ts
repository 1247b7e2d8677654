/**
 * A TCP connection that sends any bytes, and a few pieces of RTMP, written from the specification,
 * for tests that have to complete the handshake first.
 */

import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { until } from "./until.ts";

const BLOCK_BYTES = 1536;
const TIMEOUT_MS = 10_000;

/** A client that sends any bytes. What the server sends is read and discarded by default. */
export class RawPeer implements AsyncDisposable {
  /** Address as the server sees it, `host:port`. */
  readonly address: string;
  readonly #conn: Deno.TcpConn;
  #receivedBytes = 0;
  #isEnded = false;
  #isLazy = false;
  #reading: Promise<void> = Promise.resolve();

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    const { hostname, port } = conn.localAddr;
    this.address = `${hostname}:${port}`;
  }

  /** Connects. @param isReading False for a peer that does not read yet. */
  static async connect(port: number, isReading = true): Promise<RawPeer> {
    const peer = new RawPeer(await Deno.connect({ hostname: "127.0.0.1", port }));
    if (isReading) peer.startReading();
    return peer;
  }

  /** Starts to read and discard what arrives. */
  startReading(): void {
    this.#reading = this.#readUntilEnd();
  }

  /** Reads nothing more; the connection stays. */
  stopReading(): void {
    this.#isLazy = true;
  }

  /** Whether the server has closed the connection; noticed only while reading. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Sends the bytes. @returns false when the connection was closed before all were taken */
  async write(...parts: readonly Uint8Array[]): Promise<boolean> {
    const bytes = parts.length === 1 ? parts[0]! : concatBytes(parts);
    try {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
      return true;
    } catch (error) {
      if (!isEnd(error)) throw error;
      return false;
    }
  }

  /** Closes this side's direction; the peer still reads. */
  async closeWrite(): Promise<void> {
    await this.#conn.closeWrite();
  }

  /** Sends C0 C1, and C2 after S0 S1 S2. */
  async handshake(): Promise<void> {
    await this.write(HANDSHAKE_START);
    await until("S0 S1 S2", () => this.#receivedBytes >= 1 + 2 * BLOCK_BYTES, {
      timeoutMs: TIMEOUT_MS,
      everyMs: 2,
    });
    await this.write(new Uint8Array(BLOCK_BYTES));
  }

  /** Completes the handshake and a valid `connect` to the app `live`. */
  async connectApp(): Promise<void> {
    await this.handshake();
    await this.write(command("connect", 1, amfObjectOf({ app: "live", tcUrl: "rtmp://a/live" })));
  }

  /** Waits until the server closes the connection. */
  async untilEnded(): Promise<void> {
    await until("the end of the connection", () => this.#isEnded, {
      timeoutMs: TIMEOUT_MS,
      everyMs: 2,
    });
  }

  /** Closes the connection at once. */
  async close(): Promise<void> {
    try {
      this.#conn.close();
    } catch (error) {
      if (!isEnd(error)) throw error;
    }
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #readUntilEnd(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    try {
      for (
        let count = await this.#conn.read(buffer);
        count !== null;
        count = this.#isLazy ? null : await this.#conn.read(buffer)
      ) this.#receivedBytes += count;
    } catch (error) {
      if (!isEnd(error)) throw error;
    }
    this.#isEnded = !this.#isLazy;
  }
}

/** C0 (version 3) and C1 (time and version zero, then arbitrary bytes) of RTMP 1.0 §5.2. */
export const HANDSHAKE_START: Uint8Array = concatBytes([
  new Uint8Array([3]),
  new Uint8Array(BLOCK_BYTES),
]);

/** Makes a fmt 0 chunk header on `csid` (2…63), message stream 0, time 0 (RTMP 1.0 §5.3.1.2.1). */
export function chunkHeader(csid: number, typeId: number, length: number): Uint8Array {
  return new Uint8Array([
    csid,
    ...[0, 0, 0], // timestamp
    ...[length >>> 16, length >>> 8, length],
    typeId,
    ...[0, 0, 0, 0], // message stream id
  ]);
}

/** Makes a message on csid 3, in chunks of 128 bytes. */
export function message(typeId: number, payload: Uint8Array): Uint8Array {
  const parts = [chunkHeader(3, typeId, payload.length), payload.subarray(0, 128)];
  for (let at = 128; at < payload.length; at += 128) {
    parts.push(new Uint8Array([0xC3]), payload.subarray(at, at + 128));
  }
  return concatBytes(parts);
}

/** Makes an AMF0 command message (RTMP 1.0 §7.1.1): name, transaction id, and encoded values. */
export function command(name: string, transactionId: number, ...values: Uint8Array[]): Uint8Array {
  return message(20, concatBytes([amfString(name), amfNumber(transactionId), ...values]));
}

/** AMF0 §2.4. */
export function amfString(text: string): Uint8Array {
  return concatBytes([new Uint8Array([0x02]), utf8(text)]);
}

/** AMF0 §2.7. */
export const AMF_NULL: Uint8Array = new Uint8Array([0x05]);

/** Makes an AMF0 object of strings (AMF0 §2.5). */
export function amfObjectOf(texts: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(texts).flatMap(([key, text]) => [utf8(key), amfString(text)]);
  return concatBytes([new Uint8Array([0x03]), ...entries, new Uint8Array([0, 0, 0x09])]);
}

/** AMF0 §2.2. */
function amfNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  new DataView(bytes.buffer).setFloat64(1, value);
  return bytes;
}

/** Two bytes of length, then the text (AMF0 §1.3.1). */
function utf8(text: string): Uint8Array {
  const bytes = encodeUtf8(text);
  return concatBytes([new Uint8Array([bytes.length >>> 8, bytes.length]), bytes]);
}

function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.NotConnected;
}
