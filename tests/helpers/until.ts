/** Options of {@linkcode until}. */
interface UntilOptions {
  /** Longest wait. */
  readonly timeoutMs: number;
  /** Pause between two calls of `probe`, 20 ms by default. */
  readonly everyMs?: number;
}

/** A timer that is later than this was held up by the machine. */
const LATE_MS = 20;

/**
 * Calls `probe` until it returns anything but `undefined` or `false`, and returns that. Pauses of
 * this process do not count as waiting.
 *
 * @throws {Error} after `timeoutMs`, with the description `what`; and any error of `probe`
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions,
): Promise<T> {
  const { timeoutMs, everyMs = 20 } = options;
  let deadlineMs = performance.now() + timeoutMs;
  while (true) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    const nowMs = performance.now();
    if (nowMs >= deadlineMs) {
      throw new Error(`Timed out after ${timeoutMs / 1000} s waiting for ${what}`);
    }
    await delay(everyMs);
    deadlineMs += Math.max(0, performance.now() - nowMs - everyMs - LATE_MS);
  }
}

/** Waits. Only for tests of time itself; otherwise use {@linkcode until}. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
