/** Why clients are refused. */
const REFUSAL_CAUSES = [
  /** Unknown vhost, no name, name or parameters too long. */
  "name",
  /** `enabled`, `refer`, `security`. */
  "rules",
  /** Stream key, signature or token. */
  "credentials",
  /** Too many of something. */
  "limits",
  /** The name has a publisher. */
  "busy",
  /** An HTTP callback, or one that does not work. */
  "callback",
  /** An origin, asked because of `token_traverse`; or a loop of edges. */
  "origin",
] as const;

/** Why a client is refused. */
export type RefusalCause = typeof REFUSAL_CAUSES[number];

/** Clients refused since the start, by cause. */
export type RefusalCounts = Record<RefusalCause, number>;

/** Returns counts of nothing. */
export function noRefusals(): RefusalCounts {
  const entries = REFUSAL_CAUSES.map((cause) => [cause, 0] as const);
  return Object.fromEntries(entries) as RefusalCounts;
}
