/** TCP on Deno. The only file that opens sockets. */

import { systemClock } from "../base/clock.ts";
import { isIp } from "../config/address.ts";
import { formatAddress, withoutMapping } from "./address.ts";
import { dialFirst } from "./dial_first.ts";
import { denoResolver } from "./dns.ts";
import { clientTlsError, serverTlsError } from "./tls_error.ts";
import { TlsSocketTransport } from "./tls_socket.ts";
import type { Listener, NetAddress, Network, TlsTrust, Transport } from "./transport.ts";

/** A connection, encrypted or not. */
class DenoTransport implements Transport {
  readonly isSecure: boolean = false;
  readonly #conn: Deno.TcpConn | Deno.TlsConn;
  #isClosed = false;

  constructor(conn: Deno.TcpConn | Deno.TlsConn) {
    this.#conn = conn;
  }

  get remote(): string {
    const { hostname, port } = this.#conn.remoteAddr as Deno.NetAddr;
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

/** A connection that is encrypted. */
class DenoTlsTransport extends DenoTransport {
  override readonly isSecure = true;
  readonly #conn: Deno.TlsConn;

  constructor(conn: Deno.TlsConn) {
    super(conn);
    this.#conn = conn;
  }

  /** @throws {WireError} `tls.handshake` */
  async prepare(): Promise<boolean> {
    try {
      await this.#conn.handshake();
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.UnexpectedEof) return false;
      throw error instanceof Deno.errors.InvalidData ? clientTlsError(error.message) : error;
    }
  }
}

function plainTransport(conn: Deno.TcpConn): Transport {
  // Writes are merged already; waiting for the peer's ACK (Nagle) would only delay commands.
  conn.setNoDelay(true);
  return new DenoTransport(conn);
}

function secureTransport(conn: Deno.TlsConn): Transport {
  return new DenoTlsTransport(conn);
}

class DenoListener<Conn extends Deno.TcpConn | Deno.TlsConn> implements Listener {
  readonly #listener: Deno.Listener<Conn>;
  readonly #wrap: (conn: Conn) => Transport;

  constructor(listener: Deno.Listener<Conn>, wrap: (conn: Conn) => Transport) {
    this.#listener = listener;
    this.#wrap = wrap;
  }

  get hostname(): string {
    return this.#address.hostname;
  }

  get port(): number {
    return this.#address.port;
  }

  async accept(): Promise<Transport> {
    return this.#wrap(await this.#listener.accept());
  }

  close(): void {
    this.#listener.close();
  }

  /** The type of a listener allows for other kinds of sockets. */
  get #address(): Deno.NetAddr {
    return this.#listener.addr as Deno.NetAddr;
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
    names: denoResolver,
    listen(address, { tls, isSecond = false } = {}) {
      const mustBeFree = !isSecond && !isPortShared() && CAN_SHARE && address.port !== 0;
      if (mustBeFree) requireFree(address);
      // Also without others: `edge --replace` listens beside this one later.
      const options = { ...address, transport: "tcp", reusePort: CAN_SHARE } as const;
      return tls === undefined
        ? new DenoListener(Deno.listen(options), plainTransport)
        : new DenoListener(Deno.listenTls({ ...options, ...tls }), secureTransport);
    },
    async connect(address, signal, trust) {
      const addresses = await resolve(address, signal);
      const conn = await dialFirst(addresses, { dial, clock: systemClock, signal });
      if (trust === undefined) return plainTransport(conn);
      const hostname = trust.certificateName ?? address.hostname;
      return await secure(conn, { hostname, trust, signal });
    },
  };
}

/** @throws when anything else listens there, whether it would share the port or not. */
function requireFree(address: NetAddress): void {
  Deno.listen({ ...address, transport: "tcp" }).close();
}

async function dial(address: NetAddress, signal: AbortSignal): Promise<Deno.TcpConn> {
  return await Deno.connect({ ...address, transport: "tcp", signal });
}

interface SecureOptions {
  readonly hostname: string;
  readonly trust: TlsTrust;
  readonly signal: AbortSignal;
}

/** Starts TLS as a client. Closes the connection when that fails. */
async function secure(conn: Deno.TcpConn, options: SecureOptions): Promise<Transport> {
  const { hostname, trust: { caFile, isVerified }, signal } = options;
  let transport = plainTransport(conn);
  const close = () => transport.close();
  signal.addEventListener("abort", close);
  try {
    if (isVerified) {
      // Read each time, so that a new file needs no reload.
      const caCerts = caFile === "" ? [] : [await Deno.readTextFile(caFile)];
      const secured = await Deno.startTls(conn, { hostname, caCerts });
      transport = secureTransport(secured);
      await secured.handshake();
    } else {
      // `Deno.startTls` cannot leave out the verification.
      const { secureClient } = await import("./tls_stream.ts");
      const inner = transport;
      transport = new TlsSocketTransport(inner, () => secureClient(inner, hostname));
      await transport.prepare!();
    }
    signal.throwIfAborted();
    return transport;
  } catch (error) {
    close();
    throw serverTlsError(error);
  } finally {
    signal.removeEventListener("abort", close);
  }
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
