/** Options of {@linkcode until}. */
interface UntilOptions {
  /** Longest wait. */
  readonly timeoutMs: number;
  /** Pause between two calls of `probe`, 20 ms by default. */
  readonly everyMs?: number;
}

/**
 * Calls `probe` until it returns anything but `undefined` or `false`, and returns that.
 *
 * @throws {Error} after `timeoutMs`, with the description `what`; and any error of `probe`
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: UntilOptions,
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  while (true) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (Date.now() >= deadline) {
      throw new Error(`Timed out after ${options.timeoutMs / 1000} s waiting for ${what}`);
    }
    await delay(options.everyMs ?? 20);
  }
}

/** Waits. Only for tests of time itself; otherwise use {@linkcode until}. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
