import { WireError } from "../base/errors.ts";
import { formatAddress, withoutMapping } from "./address.ts";
import { MAX_PROXY_HEADER_BYTES, readProxyHeader } from "./proxy_protocol.ts";
import type { Transport } from "./transport.ts";

/** A client behind a load balancer that announces its address in the PROXY protocol. */
export class ProxiedTransport implements Transport {
  readonly #inner: Transport;
  #remote: string;
  /** What the client sent together with the header; a load balancer may wait for that. */
  #unread: Uint8Array | null = null;

  /** @param inner The connection to the load balancer. */
  constructor(inner: Transport) {
    this.#inner = inner;
    this.#remote = inner.remote;
  }

  get isSecure(): boolean {
    return this.#inner.isSecure;
  }

  /** Address of the client once {@linkcode prepare} has resolved; until then the balancer's. */
  get remote(): string {
    return this.#remote;
  }

  /**
   * Reads the header.
   *
   * @throws {WireError} as {@linkcode readProxyHeader}, and when the connection ends within it.
   */
  async prepare(): Promise<boolean> {
    const buffer = new Uint8Array(MAX_PROXY_HEADER_BYTES);
    let filled = 0;
    while (true) {
      const count = await this.#inner.read(buffer.subarray(filled));
      if (count === null) {
        if (filled === 0) return false;
        throw new WireError("proxy.invalid", "The connection ended within the PROXY header");
      }
      filled += count;
      const header = readProxyHeader(buffer.subarray(0, filled));
      if (header === null) continue;
      const { client, bytes } = header;
      if (client !== null) {
        this.#remote = formatAddress({ ...client, hostname: withoutMapping(client.hostname) });
      }
      if (bytes < filled) this.#unread = buffer.slice(bytes, filled);
      return true;
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const unread = this.#unread;
    if (unread === null) return this.#inner.read(buffer);
    const count = Math.min(unread.length, buffer.length);
    buffer.set(unread.subarray(0, count));
    this.#unread = count === unread.length ? null : unread.subarray(count);
    return Promise.resolve(count);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#inner.write(bytes);
  }

  close(): void {
    this.#inner.close();
  }
}
