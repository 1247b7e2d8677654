/** TCP on Deno. The only file that opens sockets. */

import { systemClock } from "../base/clock.ts";
import { isIp } from "../config/address.ts";
import { formatAddress, withoutMapping } from "./address.ts";
import { dialFirst } from "./dial_first.ts";
import type { Listener, NetAddress, Network, Transport } from "./transport.ts";

class DenoTransport implements Transport {
  readonly isSecure = false;
  readonly #conn: Deno.TcpConn;
  #isClosed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    // Writes are merged already; waiting for the peer's ACK (Nagle) would only delay commands.
    conn.setNoDelay(true);
  }

  get remote(): string {
    const { hostname, port } = this.#conn.remoteAddr;
    return formatAddress({ hostname: withoutMapping(hostname), port });
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#conn.write(bytes);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
  }
}

class DenoListener implements Listener {
  readonly #listener: Deno.TcpListener;

  constructor(listener: Deno.TcpListener) {
    this.#listener = listener;
  }

  get hostname(): string {
    return this.#listener.addr.hostname;
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async accept(): Promise<Transport> {
    return new DenoTransport(await this.#listener.accept());
  }

  close(): void {
    this.#listener.close();
  }
}

/** Options of {@linkcode createDenoNetwork}. */
interface DenoNetworkOptions {
  /**
   * Lets a listener share a port with others; the kernel distributes the clients (Linux). Otherwise
   * a port in use is refused.
   */
  readonly isPortShared: () => boolean;
}

/** Whether ports can be shared. */
const CAN_SHARE = Deno.build.os === "linux";

/** Returns the machine's TCP. */
export function createDenoNetwork({ isPortShared }: DenoNetworkOptions): Network {
  return {
    listen(address) {
      if (!isPortShared() && CAN_SHARE && address.port !== 0) requireFree(address);
      // Also without others: `edge --replace` listens beside this one later.
      return new DenoListener(Deno.listen({ ...address, transport: "tcp", reusePort: CAN_SHARE }));
    },
    async connect(address, signal) {
      const addresses = await resolve(address, signal);
      return await dialFirst(addresses, { dial, clock: systemClock, signal });
    },
  };
}

/** @throws when anything else listens there, whether it would share the port or not. */
function requireFree(address: NetAddress): void {
  Deno.listen({ ...address, transport: "tcp" }).close();
}

async function dial(address: NetAddress, signal: AbortSignal): Promise<Transport> {
  return new DenoTransport(await Deno.connect({ ...address, transport: "tcp", signal }));
}

/**
 * Returns all addresses of a host name. `Deno.connect` takes a name as well, but before Deno 2.8 it
 * only tries the first address (measured with 2.7.11).
 */
async function resolve(address: NetAddress, signal: AbortSignal): Promise<NetAddress[]> {
  const { hostname, port } = address;
  if (isIp(hostname)) return [address];
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    const found = await Promise.race([lookUp(hostname), aborted.promise]);
    return found.map((hostname) => ({ hostname, port }));
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Asks the system's resolver for all addresses of `hostname`. */
async function lookUp(hostname: string): Promise<string[]> {
  // Loaded with the first name: most configurations have none.
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(hostname, { all: true }).catch((error: unknown) => {
    const isUnknown = error instanceof Error && "code" in error && error.code === "ENOTFOUND";
    throw isUnknown ? new Error(`Unknown host name ${hostname}`, { cause: error }) : error;
  });
  return found.map(({ address }) => address);
}

/** The machine's TCP, without shared ports. */
export const denoNetwork: Network = createDenoNetwork({ isPortShared: () => false });
