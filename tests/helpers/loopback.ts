import { needs } from "./permissions.ts";

const granted = await needs("net");

/**
 * Defines a test over real sockets on loopback. It is ignored without `--allow-net`, and fails when
 * it leaks a socket or a timer.
 */
export function netTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...granted, sanitizeOps: true, sanitizeResources: true, name, fn });
}
