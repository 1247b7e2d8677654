/**
 * TCP ports on loopback. Our own servers listen on port 0; only other programs need a number in
 * advance.
 */

/** Below the ports that systems give to clients, and to servers on port 0. */
const PORTS = { first: 20_000, count: 12_000 } as const;

/** Returns a port that is free, and that only another call of this function may give away. */
export function freePort(): number {
  while (true) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
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
