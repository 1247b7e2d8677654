import type { ListenAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { NetAddress } from "../io/transport.ts";

/** Opens and closes listeners. */
interface ListenerServer {
  /** @returns the real address. @throws when the address is in use or not permitted. */
  listen(address: NetAddress): NetAddress;
  /** Closes the listener at a real address. Its clients stay. */
  unlisten(address: NetAddress): Promise<void>;
}

/** The listeners of a server, by the addresses in its configuration. */
export class ListenerSet {
  readonly #server: ListenerServer;
  /** Real addresses by configured ones, which differ for port 0. */
  readonly #open = new Map<string, NetAddress>();

  constructor(server: ListenerServer) {
    this.#server = server;
  }

  /** Returns the real addresses of listeners that are open, in the order of `configured`. */
  realAddresses(configured: readonly ListenAddress[]): NetAddress[] {
    return configured.flatMap((address) => this.#open.get(formatAddress(address)) ?? []);
  }

  /**
   * Listens on the addresses that are not open yet.
   *
   * @throws when one is in use or not permitted. Those before it stay open until
   * {@linkcode closeOthers}.
   */
  open(addresses: readonly ListenAddress[]): void {
    for (const address of addresses) {
      const key = formatAddress(address);
      if (!this.#open.has(key)) this.#open.set(key, this.#server.listen(address));
    }
  }

  /** Closes the listeners that `addresses` does not contain. Their clients stay. */
  async closeOthers(addresses: readonly ListenAddress[]): Promise<void> {
    const kept = new Set(addresses.map(formatAddress));
    const closed = [...this.#open].filter(([key]) => !kept.has(key)).map(([key, address]) => {
      this.#open.delete(key);
      return this.#server.unlisten(address);
    });
    await Promise.all(closed);
  }
}
