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
  /** An origin, which was asked to take a publish or because of `token_traverse`; or a loop. */
  "origin",
  /** A player waited for a stream that no one published. */
  "not_live",
  /** What it asked for is no valid request. */
  "protocol",
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
