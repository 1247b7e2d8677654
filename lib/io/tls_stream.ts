import { Buffer } from "node:buffer";
import { isIP } from "node:net";
import { Duplex } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import type { TlsIdentity, Transport } from "./transport.ts";

const READ_BUFFER_BYTES = 16 * 1024;

/** Starts the server's side of TLS on a connection. */
export function secureServer(inner: Transport, identity: TlsIdentity): TLSSocket {
  // The type of the first parameter omits streams other than sockets.
  return new TLSSocket(new InnerStream(inner) as never, { isServer: true, ...identity });
}

/** Starts the client's side of TLS on a connection, with any certificate. */
export function secureClient(inner: Transport, hostname: string): TLSSocket {
  const socket = new InnerStream(inner) as never;
  const name = isIP(hostname) === 0 ? { servername: hostname } : {};
  return connect({ socket, rejectUnauthorized: false, ...name });
}

/** A transport as a stream of Node. */
class InnerStream extends Duplex {
  readonly #inner: Transport;
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);

  constructor(inner: Transport) {
    super({ allowHalfOpen: false });
    this.#inner = inner;
  }

  override _read(): void {
    this.#inner.read(this.#buffer).then(
      (count) => this.push(count === null ? null : Buffer.from(this.#buffer.subarray(0, count))),
      (error) => this.destroy(error),
    );
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#writeAll(chunk).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#inner.close();
    done(error);
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) at += await this.#inner.write(chunk.subarray(at));
  }
}
