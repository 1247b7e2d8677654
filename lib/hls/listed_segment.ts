/** A segment that players can have. Paths are relative to `hls_path`. */
export interface ListedSegment {
  readonly path: string;
  readonly playlistPath: string;
  readonly durationMs: number;
  readonly sequence: number;
}
