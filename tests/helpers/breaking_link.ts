import type { MemoryNetwork, MemoryTransport } from "./memory_network.ts";

/** One direction of a connection that ends, or freezes, after a number of bytes. */
export class ByteLimit {
  #left: number;
  /** Written, but not passed. */
  readonly #held: Uint8Array[] = [];
  #flush: () => Promise<void> = async () => {};
  #passedBytes = 0;
  #onReached: () => void = () => {};
  #onPassed: (totalBytes: number) => void = () => {};

  /** @param maxBytes number of bytes that pass */
  constructor(maxBytes: number) {
    this.#left = maxBytes;
  }

  /** Bytes that have passed. */
  get passedBytes(): number {
    return this.#passedBytes;
  }

  /** Whether all bytes that may pass have passed. */
  get isReached(): boolean {
    return this.#left === 0;
  }

  /** Called with the last byte that passes. */
  set onReached(run: () => void) {
    this.#onReached = run;
  }

  /** Called whenever bytes have passed. */
  set onPassed(run: (totalBytes: number) => void) {
    this.#onPassed = run;
  }

  /** Holds what `transport` writes from byte `maxBytes` on. */
  ofWrites(transport: MemoryTransport): this {
    const write = transport.write.bind(transport);
    transport.write = async (bytes) => {
      const taken = bytes.subarray(0, this.#left);
      if (taken.length < bytes.length) this.#held.push(bytes.slice(taken.length));
      if (taken.length > 0) await write(taken);
      this.#count(taken.length);
      return bytes.length;
    };
    this.#flush = async () => {
      for (const bytes of this.#held.splice(0)) await write(bytes);
    };
    if (this.isReached) this.#onReached();
    return this;
  }

  /** Holds what `transport` would read from byte `maxBytes` on. */
  ofReads(transport: MemoryTransport): this {
    const read = transport.read.bind(transport);
    transport.read = async (buffer) => {
      if (this.isReached) return await new Promise(() => {});
      const count = await read(buffer.subarray(0, Math.min(buffer.length, this.#left)));
      this.#count(count ?? 0);
      return count;
    };
    return this;
  }

  /** Lets everything pass, held or written later. */
  async release(): Promise<void> {
    this.#left = Infinity;
    await this.#flush();
  }

  #count(count: number): void {
    if (count === 0) return;
    this.#left -= count;
    this.#passedBytes += count;
    this.#onPassed(this.#passedBytes);
    if (this.isReached) this.#onReached();
  }
}

/** Both ends of a connection. */
type MemoryLink = MemoryNetwork["connections"][number];

/** Calls `prepare` for the next connection to `port`, before any byte has passed. */
export function prepareNext(
  network: MemoryNetwork,
  port: number,
  prepare: (link: MemoryLink) => void,
): void {
  const connect = network.connect;
  network.connect = (address, signal) => {
    const connected = connect.call(network, address, signal);
    if (address.port === port) {
      network.connect = connect;
      prepare(network.connections.at(-1)!);
    }
    return connected;
  };
}
