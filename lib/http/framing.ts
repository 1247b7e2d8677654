import type { StreamLogView } from "../hub/message_log.ts";
import type { FlvTag, FlvTracks } from "../media/flv_file.ts";

/** The messages of a stream as its HTTP viewers get them, in chunks of a chunked body. */
interface FramedLog extends StreamLogView {
  /** Memory held, in bytes. */
  readonly heldBytes: number;
  /** Appends a message. @returns whether a new slab was started: the moment to drop old ones. */
  append(tag: FlvTag): boolean;
  /** Drops the slabs that end before `offset`. */
  dropBefore(offset: number): void;
}

/** The container in which a stream is sent to HTTP viewers. */
export interface Framing {
  readonly log: FramedLog;
  /** Takes the headers in force where the log begins. Called once, before anything is appended. */
  begin(headers: readonly FlvTag[]): void;
  /** Returns what every viewer gets first. */
  header(tracks: FlvTracks): Uint8Array<ArrayBuffer>;
  /** Returns what a viewer needs before a join point with these headers. */
  preamble(headers: readonly FlvTag[]): Uint8Array<ArrayBuffer>;
}
