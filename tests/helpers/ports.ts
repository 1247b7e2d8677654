/**
 * TCP ports on loopback. Our own servers listen on port 0; only other programs need a number in
 * advance.
 */

/** Below the ports that systems give to clients, and to servers on port 0. */
const PORTS = { first: 20_000, count: 12_000 } as const;

/** Each test file begins elsewhere, since others run beside it. */
let offset = Math.floor(Math.random() * PORTS.count);

/**
 * Returns a port that is free, each time another one. Only another call of this function may give
 * it away, to another test file.
 */
export function freePort(): number {
  while (true) {
    offset = (offset + 1) % PORTS.count;
    const port = PORTS.first + offset;
    if (isPortFree(port)) return port;
  }
}

/** Returns whether a server could listen on `port` on all addresses. */
export function isPortFree(port: number): boolean {
  try {
    Deno.listen({ port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/**
 * Returns whether a server accepts connections on `port`. A listener that closes resets the clients
 * that connected a moment before, which it can no longer accept.
 */
export async function isAccepting(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    const { ConnectionRefused, ConnectionReset } = Deno.errors;
    if (error instanceof ConnectionRefused || error instanceof ConnectionReset) return false;
    throw error;
  }
}
