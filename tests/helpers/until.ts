/** Waiting for a condition instead of for a time. */

/** Options of {@linkcode until}. */
export interface UntilOptions {
  /** How long to wait at most. */
  readonly timeoutMs: number;
  /** Pause between two looks. */
  readonly everyMs?: number;
}

/**
 * Looks until `probe` returns something else than `undefined` or `false`, and returns that.
 *
 * @throws {Error} when `timeoutMs` have passed, saying what was waited for; or whatever `probe` throws
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

/** Lets time pass, where the time itself is what the test is about. */
export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
