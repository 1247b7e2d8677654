/** Tests over real sockets on loopback. */

import { needs } from "./permissions.ts";

const granted = await needs("net");

/**
 * Defines a test that is ignored without `--allow-net`, and fails when it leaves a socket or a timer
 * behind.
 */
export function netTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ ...granted, sanitizeOps: true, sanitizeResources: true, name, fn });
}
