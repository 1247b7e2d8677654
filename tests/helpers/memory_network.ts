/**
 * Sockets in memory with faults that a test sets: short writes, blocked writes, broken pipes,
 * silent hosts. They behave like real ones: bytes are taken from the caller's array when the write
 * settles, not before, and a second write while one is in flight is an error.
 */

import type { NameResolver, ResolveOptions, ServiceRecord } from "../../lib/io/name_resolver.ts";
import type { Listener, NetAddress, Network, Transport } from "../../lib/io/transport.ts";

/** One direction: bytes written but not read yet. */
class Pipe {
  readonly #chunks: Uint8Array[] = [];
  #isEnded = false;
  #wake: (() => void) | null = null;
  /** Delays news of what arrived while a read waited for it. */
  noticeLater: ((run: () => void) => void) | null = null;

  write(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#chunks.length === 0) {
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
      if (this.noticeLater !== null) await new Promise<void>(this.noticeLater);
    }
    const first = this.#chunks[0]!;
    const taken = first.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length === first.length) {
      this.#chunks.shift();
    } else {
      this.#chunks[0] = first.subarray(taken.length);
    }
    return taken.length;
  }
}

/** One end of a connection. */
export class MemoryTransport implements Transport {
  readonly isSecure = false;
  readonly remote: string;
  readonly #input: Pipe;
  readonly #output: Pipe;
  #isClosed = false;
  #isWriting = false;
  #blocked: PromiseWithResolvers<void> | null = null;
  #breakReading: (error: Error) => void = () => {};
  readonly #broken = new Promise<never>((_, reject) => this.#breakReading = reject);
  /** Maximum bytes that one write takes; the rest is left for the next write. */
  maxWriteBytes = Infinity;

  constructor(remote: string, input: Pipe, output: Pipe) {
    this.remote = remote;
    this.#input = input;
    this.#output = output;
    this.#broken.catch(() => {});
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Delays news of the socket: bytes that a read waited for, and the end of a block. */
  set noticeLater(noticeLater: (run: () => void) => void) {
    this.#input.noticeLater = noticeLater;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#isClosed) return Promise.reject(new Deno.errors.BadResource("closed"));
    return Promise.race([this.#input.read(buffer), this.#broken]);
  }

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#isWriting) throw new Error("Write during another write on the same socket");
    if (bytes.length === 0) throw new Error("Empty write");
    this.#isWriting = true;
    try {
      await Promise.resolve();
      if (this.#blocked !== null) {
        await Promise.race([this.#blocked.promise, this.#broken]);
        if (this.#input.noticeLater !== null) await new Promise<void>(this.#input.noticeLater);
      }
      if (this.#isClosed) throw new Deno.errors.BadResource("closed");
      const taken = bytes.subarray(0, this.maxWriteBytes);
      this.#output.write(taken);
      return taken.length;
    } finally {
      this.#isWriting = false;
    }
  }

  /** Blocks writes until {@linkcode unblock}, as when the peer does not read. */
  block(): void {
    this.#blocked ??= Promise.withResolvers<void>();
  }

  unblock(): void {
    this.#blocked?.resolve();
    this.#blocked = null;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#output.end();
    this.#breakReading(new Deno.errors.BadResource("closed"));
  }

  /** Breaks the connection as a reset does: pending and later calls reject. */
  reset(): void {
    this.#isClosed = true;
    this.#output.end();
    this.#breakReading(new Deno.errors.ConnectionReset("reset"));
  }
}

/** Makes a connection: each end reads what the other writes. */
export function createConnection(
  clientIp = "127.0.0.1",
): { client: MemoryTransport; server: MemoryTransport } {
  const up = new Pipe();
  const down = new Pipe();
  return {
    client: new MemoryTransport("127.0.0.1:1935", down, up),
    server: new MemoryTransport(`${clientIp}:50000`, up, down),
  };
}

class MemoryListener implements Listener {
  readonly hostname: string;
  readonly port: number;
  readonly #waiting: MemoryTransport[] = [];
  #wake: ((error?: Error) => void) | null = null;
  #isClosed = false;

  constructor({ hostname, port }: NetAddress) {
    this.hostname = hostname;
    this.port = port;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  offer(transport: MemoryTransport): void {
    this.#waiting.push(transport);
    this.#wake?.();
  }

  async accept(): Promise<Transport> {
    while (this.#waiting.length === 0) {
      if (this.#isClosed) throw new Deno.errors.BadResource("listener closed");
      await new Promise<void>((resolve) => this.#wake = () => resolve());
    }
    return this.#waiting.shift()!;
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }
}

/** A DNS whose records a test sets. */
export class ScriptedNames implements NameResolver {
  /** IP addresses, by name. */
  readonly a = new Map<string, readonly string[]>();
  /** SRV records, by name. */
  readonly srv = new Map<string, readonly ServiceRecord[]>();
  /** What it was asked for, oldest first: `A name`, `SRV name`. */
  readonly asked: string[] = [];
  /** Gives no answer at all. */
  isSilent = false;

  async addresses(name: string, options: ResolveOptions): Promise<readonly string[]> {
    return await this.#answer("A", name, this.a, options);
  }

  async services(name: string, options: ResolveOptions): Promise<readonly ServiceRecord[]> {
    return await this.#answer("SRV", name, this.srv, options);
  }

  async #answer<T>(
    type: string,
    name: string,
    records: ReadonlyMap<string, readonly T[]>,
    { signal }: ResolveOptions,
  ): Promise<readonly T[]> {
    this.asked.push(`${type} ${name}`);
    if (this.isSilent) {
      return await new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted")))
      );
    }
    await Promise.resolve();
    const found = records.get(name);
    if (found === undefined) throw new Deno.errors.NotFound("no records found");
    return found;
  }
}

/** A network in memory, to inject faults into connections. Hosts are ignored; ports matter. */
export class MemoryNetwork implements Network {
  readonly names = new ScriptedNames();
  readonly #listeners = new Map<number, MemoryListener>();
  readonly #silent = new Set<number>();
  /** Both ends of every connection, oldest first, with the dialled port. */
  readonly connections: { port: number; client: MemoryTransport; server: MemoryTransport }[] = [];
  /** Ports dialled, successfully or not, oldest first. */
  readonly dialled: number[] = [];
  /** Address that the next connections come from. */
  clientIp = "127.0.0.1";
  #lastPort = 20_000;

  listen(address: NetAddress): Listener {
    const port = address.port === 0 ? ++this.#lastPort : address.port;
    if (this.#listeners.get(port)?.isClosed === false) throw new Deno.errors.AddrInUse("in use");
    const listener = new MemoryListener({ ...address, port });
    this.#listeners.set(port, listener);
    return listener;
  }

  /** Leaves dials to `port` unanswered, as a host that is switched off does. */
  silence(port: number): void {
    this.#silent.add(port);
  }

  connect({ port }: NetAddress, signal: AbortSignal): Promise<Transport> {
    this.dialled.push(port);
    if (this.#silent.has(port)) {
      return new Promise((_, reject) =>
        signal.addEventListener("abort", () => reject(new Deno.errors.Interrupted("aborted")))
      );
    }
    const listener = this.#listeners.get(port);
    if (listener === undefined || listener.isClosed) {
      return Promise.reject(new Deno.errors.ConnectionRefused("refused"));
    }
    const { client, server } = createConnection(this.clientIp);
    this.connections.push({ port, client, server });
    listener.offer(server);
    return Promise.resolve(client);
  }
}
