import type { Listener, NetAddress, Network, TlsTrust, Transport } from "../io/transport.ts";

/** Holds up everything while it is closed. */
class Gate {
  #closed: PromiseWithResolvers<void> | null = null;

  set(isClosed: boolean): void {
    if (!isClosed) this.#closed?.resolve();
    this.#closed = isClosed ? this.#closed ?? Promise.withResolvers() : null;
  }

  async pass(): Promise<void> {
    await this.#closed?.promise;
  }
}

/**
 * The network of one server in this process, which can be lost as a whole process is. Killed, all
 * its sockets close; frozen, they stay open and nothing passes.
 */
export class BreakableNetwork implements Network {
  readonly #network: Network;
  readonly #gate = new Gate();
  readonly #sockets = new Set<{ close(): void }>();

  constructor(network: Network) {
    this.#network = network;
  }

  get names(): Network["names"] {
    return this.#network.names;
  }

  listen(address: NetAddress, options?: Parameters<Network["listen"]>[1]): Listener {
    const listener = this.#network.listen(address, options);
    this.#sockets.add(listener);
    return {
      hostname: listener.hostname,
      port: listener.port,
      accept: async () => {
        const transport = await listener.accept();
        await this.#gate.pass();
        return this.#wrap(transport);
      },
      close: () => this.#close(listener),
    };
  }

  async connect(address: NetAddress, signal: AbortSignal, trust?: TlsTrust): Promise<Transport> {
    return this.#wrap(await this.#network.connect(address, signal, trust));
  }

  kill(): void {
    for (const socket of this.#sockets) socket.close();
    this.#sockets.clear();
  }

  freeze(): void {
    this.#gate.set(true);
  }

  thaw(): void {
    this.#gate.set(false);
  }

  #close(socket: { close(): void }): void {
    if (!this.#sockets.delete(socket)) return;
    // A frozen process closes nothing.
    void this.#gate.pass().then(() => socket.close());
  }

  #wrap(transport: Transport): Transport {
    this.#sockets.add(transport);
    return {
      remote: transport.remote,
      isSecure: transport.isSecure,
      read: async (buffer) => {
        const length = await transport.read(buffer);
        await this.#gate.pass();
        return length;
      },
      write: async (bytes) => {
        await this.#gate.pass();
        return await transport.write(bytes);
      },
      close: () => this.#close(transport),
    };
  }
}
