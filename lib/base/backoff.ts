/** Options of {@linkcode backoffMs}. */
export interface BackoffOptions {
  /** First pause. */
  readonly minMs: number;
  /** Longest pause. */
  readonly maxMs: number;
}

/**
 * Returns the pause before attempt `attempt` (0-based). Doubles from `minMs` up to `maxMs`, then
 * subtracts up to a quarter (`random` in 0…1) so that a fleet of edges does not dial in step.
 */
export function backoffMs(attempt: number, options: BackoffOptions, random: number): number {
  const whole = Math.min(options.maxMs, options.minMs * 2 ** Math.min(attempt, 30));
  return whole * (1 - random / 4);
}
