/**
 * TCP ports on loopback. Our own servers listen on port 0; only other programs need a number in
 * advance.
 */

/**
 * Returns a port that was free a moment ago. Another process may take it first: retry on a clash.
 */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
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
