/** Paths of recordings. Peers choose stream names, yet every path stays below `dvr_path`. */

import { fillStream, fillTime, streamNames } from "../hls/file_names.ts";

/** What the path of a recording depends on. */
interface RecordedStream {
  readonly vhost: string;
  /** `app/stream`. */
  readonly name: string;
  /** Time of day at its first frame, in ms since 1970. */
  readonly wallMs: number;
}

/**
 * Fills a `dvr_path`. Names become safe parts of a path, see `hls/file_names.ts`. Returns null if
 * the stream's name is too long for a file.
 */
export function recordingPath(
  template: string,
  { vhost, name, wallMs }: RecordedStream,
): string | null {
  const names = streamNames(vhost, name);
  if (names === null) return null;
  // Callbacks get the path as SRS writes it, with a leading "./".
  const dots = /^(?:\.\/)*/.exec(template)![0];
  return dots + fillTime(fillStream(template, names), wallMs);
}

/** Returns the path to use when `count` others exist: `live/show-2.flv` for 1. */
export function numberedPath(path: string, count: number): string {
  return count === 0 ? path : path.replace(/(?=\.(?:flv|mp4)$)/, `-${count + 1}`);
}
