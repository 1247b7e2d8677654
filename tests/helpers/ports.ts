/** TCP ports on loopback. Our own servers listen on port 0; only foreign peers need a number beforehand. */

/** A port that was free a moment ago. Somebody else may take it first: retry on a clash. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Whether a server could listen on `port`, on all addresses, now. */
export function isPortFree(port: number): boolean {
  try {
    Deno.listen({ port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}

/** Whether somebody accepts connections on `port` now. */
export async function isAccepting(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw error;
  }
}
