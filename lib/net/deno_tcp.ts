/** TCP on Deno: the only file that touches sockets. */

import type { Listener, NetAddress, Network, Transport } from "./transport.ts";

/** `host:port` with brackets round an IPv6 host. */
export function formatAddress(address: NetAddress): string {
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

class DenoTransport implements Transport {
  readonly remote: string;
  readonly #conn: Deno.TcpConn;
  #isClosed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.remote = formatAddress(conn.remoteAddr);
    // Writes are merged already: waiting for the peer's ACK (Nagle) would only delay commands.
    conn.setNoDelay(true);
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

/** The machine's TCP. */
export const denoNetwork: Network = {
  listen: (address) => new DenoListener(Deno.listen({ ...address, transport: "tcp" })),
  async connect(address, signal) {
    return new DenoTransport(await Deno.connect({ ...address, transport: "tcp", signal }));
  },
};

/** Why a read or a write ended without being anybody's fault, or null when it is a real error. */
export function describeExpectedEnd(error: unknown): string | null {
  if (error instanceof Deno.errors.ConnectionReset) return "reset by peer";
  if (error instanceof Deno.errors.BrokenPipe) return "closed by peer";
  if (error instanceof Deno.errors.NotConnected) return "closed by peer";
  if (error instanceof Deno.errors.ConnectionAborted) return "aborted";
  if (error instanceof Deno.errors.Interrupted) return "closed";
  if (error instanceof Deno.errors.BadResource) return "closed";
  if (error instanceof Deno.errors.TimedOut) return "timed out";
  return null;
}
