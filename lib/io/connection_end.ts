/** Reasons by the name of the runtime's error, so that this needs no runtime. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["ConnectionReset", "reset by peer"],
  ["BrokenPipe", "closed by peer"],
  ["NotConnected", "closed by peer"],
  ["ConnectionAborted", "aborted"],
  ["Interrupted", "closed"],
  ["BadResource", "closed"],
  ["TimedOut", "timed out"],
]);

/**
 * Returns why a connection ended when that is part of normal operation, or null for a real error.
 *
 * Callers ask this in their error handlers. A transport that translated its errors would cost one
 * more promise for each pending read and for each write.
 *
 * @param error What {@linkcode Transport.read} or {@linkcode Transport.write} rejected with.
 */
export function describeExpectedEnd(error: unknown): string | null {
  return error instanceof Error ? REASONS.get(error.name) ?? null : null;
}
