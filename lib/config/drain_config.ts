/** How the server waits for its clients to leave before it stops. */
export interface DrainConfig {
  /** Whether SIGTERM drains. */
  readonly isForced: boolean;
  /** New clients are still accepted for this long. */
  readonly startWaitMs: number;
  /** Pause after the last client has left. */
  readonly finalWaitMs: number;
  /** Clients that are left after this time are closed. */
  readonly timeoutMs: number;
}
