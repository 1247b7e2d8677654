/** Recordings of an origin vhost. */
export interface DvrConfig {
  /** Always false in an edge vhost. */
  readonly enabled: boolean;
  /** Names of the streams to record, `app/stream`; empty for all. */
  readonly streams: readonly string[];
  /** Whether a file ends with the stream, or also after a time. */
  readonly plan: "session" | "segment";
  /** With placeholders; ends in `.flv` or `.mp4`. */
  readonly path: string;
  /** Shortest duration of a file with the plan `segment`. */
  readonly durationMs: number;
  /** Whether files start with keyframes only. */
  readonly waitKeyframe: boolean;
  /** Whether files start at time 0. Otherwise they have the stream's timestamps. */
  readonly startsAtZero: boolean;
}
