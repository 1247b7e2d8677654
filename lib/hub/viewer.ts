/** Follows a stream: a player, a pusher, HLS. */
export interface Viewer {
  /** A source began: a waiting viewer may start. */
  onLive(): void;
  /** The first frame of a source arrived; more may follow in the same turn. */
  onFirstMedia?(): void;
  /** The stream is sought in vain; `isCertain` if no server that may have it does. */
  onMissing?(isCertain: boolean): void;
  /** Offset of the first byte that the viewer still needs; -1 if it does not follow yet. */
  readonly cursor: number;
  /** True for one that is no audience: HLS, a recording, a push. */
  readonly isPassive?: boolean;
}
