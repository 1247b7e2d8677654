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
  /** How it counts in the stream's audience; absent for what is none: a push, HLS. */
  readonly member?: AudienceMember;
}

/** One of those who watch a stream. */
export interface AudienceMember {
  /** A mirror stands for the clients of another worker. */
  readonly kind: "player" | "edge" | "mirror";
  /** Bytes of the stream sent to it. */
  readonly sentBytes: number;
  /** Id of the edge; empty for others. */
  readonly edgeId: string;
  /** What an edge or a mirror reported last; null when nothing. */
  readonly reported: ReportedAudience | null;
}

/** What was reported of the clients behind a viewer. */
export interface ReportedAudience {
  readonly audience: Audience;
  /** When it arrived. */
  readonly atMs: number;
}

/** Who watches a stream, through all levels of edges. */
export interface Audience {
  /** Players here and behind the edges, those that wait for the stream included. */
  readonly players: number;
  /** Edges, at all levels. */
  readonly edges: number;
  /** What is sent to those players, in kbit/s. */
  readonly kbps: number;
  /** How far the last of them is behind the newest message that its server has, in ms. */
  readonly lagMs: number;
}
