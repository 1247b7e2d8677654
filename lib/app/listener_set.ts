import { addressesOverlap, coversAddress } from "../config/address.ts";
import type { ListenAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { NetAddress } from "../io/transport.ts";

/** Opens and closes listeners. */
interface ListenerServer {
  /** @returns the real address. @throws when the address is in use or not permitted. */
  listen(address: NetAddress): NetAddress;
  /** Closes the listener at a real address. Its clients stay. */
  unlisten(address: NetAddress): Promise<void>;
  /** Accepts what waits in the listeners at real addresses, then closes them. Clients stay. */
  finishListening(addresses: readonly NetAddress[]): Promise<void>;
  /** Gives the listener at a real address another certificate. Absent without TLS. */
  renew?(configured: ListenAddress, real: NetAddress): Promise<void>;
}

/** One open listener. */
interface OpenListener {
  readonly configured: ListenAddress;
  /** Differs from `configured` for port 0. */
  readonly real: NetAddress;
}

/**
 * The listeners of a server, by the addresses in its configuration. An address whose clients
 * another listener of the set takes, such as `0.0.0.0:1935` beside `[::]:1935`, needs none.
 */
export class ListenerSet {
  readonly #server: ListenerServer;
  readonly #open = new Map<string, OpenListener>();

  constructor(server: ListenerServer) {
    this.#server = server;
  }

  /** Returns the real addresses of listeners that are open, in the order of `configured`. */
  realAddresses(configured: readonly ListenAddress[]): NetAddress[] {
    return configured.flatMap((address) => this.#open.get(formatAddress(address))?.real ?? []);
  }

  /**
   * Listens on the addresses that are not open yet.
   *
   * @throws when one is in use or not permitted. Those before it stay open until
   * {@linkcode restore}.
   */
  open(addresses: readonly ListenAddress[]): void {
    for (const address of this.#missing(addresses)) {
      try {
        this.#listen(address);
      } catch (error) {
        if (!isInUse(error) || !this.#isCovered(address)) throw error;
      }
    }
  }

  /**
   * As {@linkcode open}, but first closes listeners that are in the way: those that `addresses` no
   * longer contains, and those that a new one covers.
   *
   * @throws as {@linkcode open}.
   */
  async change(addresses: readonly ListenAddress[]): Promise<void> {
    const kept = new Set(addresses.map(formatAddress));
    for (const address of this.#missing(addresses)) {
      const inTheWay = [...this.#open.values()].filter(({ configured }) =>
        coversAddress(address, configured) ||
        (!kept.has(formatAddress(configured)) && addressesOverlap(configured, address))
      );
      await Promise.all(inTheWay.map(({ configured }) => this.#close(configured)));
      this.open([address]);
    }
    this.open(addresses);
  }

  /** Closes the listeners that `addresses` does not contain. Their clients stay. */
  async closeOthers(addresses: readonly ListenAddress[]): Promise<void> {
    const kept = new Set(addresses.map(formatAddress));
    const others = [...this.#open.values()].filter(({ configured }) =>
      !kept.has(formatAddress(configured))
    );
    await Promise.all(others.map(({ configured }) => this.#close(configured)));
  }

  /** Accepts what waits in these listeners, then closes them. {@linkcode open} opens them again. */
  finish(addresses: readonly ListenAddress[]): Promise<void> {
    const real = this.realAddresses(addresses);
    for (const address of addresses) this.#open.delete(formatAddress(address));
    return this.#server.finishListening(real);
  }

  /** Gives all listeners another certificate. @throws when it cannot be used. */
  async renew(): Promise<void> {
    for (const { configured, real } of this.#open.values()) {
      await this.#server.renew?.(configured, real);
    }
  }

  /** Returns to `addresses` after {@linkcode change} has failed. @throws as {@linkcode open}. */
  async restore(addresses: readonly ListenAddress[]): Promise<void> {
    await this.closeOthers(addresses);
    this.open(addresses);
  }

  /** Those that are not open. Those that cover others come first. */
  #missing(addresses: readonly ListenAddress[]): ListenAddress[] {
    return addresses.filter((address) => !this.#open.has(formatAddress(address)))
      .toSorted((a, b) => breadthOf(b) - breadthOf(a));
  }

  #listen(configured: ListenAddress): void {
    const real = this.#server.listen(configured);
    this.#open.set(formatAddress(configured), { configured, real });
  }

  async #close(configured: ListenAddress): Promise<void> {
    const key = formatAddress(configured);
    const listener = this.#open.get(key);
    this.#open.delete(key);
    if (listener !== undefined) await this.#server.unlisten(listener.real);
  }

  #isCovered(address: ListenAddress): boolean {
    return [...this.#open.values()].some(({ configured }) => coversAddress(configured, address));
  }
}

/** `[::]` takes the clients of `0.0.0.0`, which takes those of any other IPv4 address. */
function breadthOf({ hostname }: ListenAddress): number {
  return hostname === "::" ? 2 : hostname === "0.0.0.0" ? 1 : 0;
}

function isInUse(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse ||
    (error instanceof Error && error.cause instanceof Deno.errors.AddrInUse);
}
