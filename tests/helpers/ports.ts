/**
 * TCP ports on loopback. Our own servers listen on port 0; only other programs need a number in
 * advance.
 */

/** Below the ports that systems give to clients, and to servers on port 0. */
const PORTS = { first: 20_000, count: 12_000 } as const;

/** The port that was given last, for all test files that run at the same time. */
const LAST_PORT = new URL("../../.cache/last-test-port", import.meta.url);

/**
 * Returns a port that is free, each time another one, in all test files of this clone. It is given
 * again only after all others, so a test may let minutes pass before a server listens there.
 */
export function freePort(): number {
  Deno.mkdirSync(new URL(".", LAST_PORT), { recursive: true });
  using file = Deno.openSync(LAST_PORT, { read: true, write: true, create: true });
  file.lockSync(true);
  const bytes = new Uint8Array(5);
  const length = file.readSync(bytes) ?? 0;
  // Another clone begins elsewhere.
  let offset = length === bytes.length
    ? Number(new TextDecoder().decode(bytes)) - PORTS.first
    : Math.floor(Math.random() * PORTS.count);
  do offset = (offset + 1) % PORTS.count; while (!isPortFree(PORTS.first + offset));
  const port = PORTS.first + offset;
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${port}`));
  return port;
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
