import { diffU32 } from "../base/u32.ts";
import { LongClock } from "../hls/long_clock.ts";
import {
  type AudioTrack,
  audioTrack,
  audioTrackFromFrame,
  containerFor,
  DEFAULT_SIZE,
  type VideoTrack,
  videoTrack,
} from "../hls/track.ts";
import { tablesOf, unitMaker } from "../hls/ts_mux.ts";
import { TsWriter } from "../hls/ts_writer.ts";
import { MessageLog } from "../hub/message_log.ts";
import { readAudio, readVideo } from "../media/flv_content.ts";
import type { FlvTag } from "../media/flv_file.ts";
import { TagType } from "../media/flv_layout.ts";
import { CHUNK_FRAME_BYTES, CHUNK_HEAD_BYTES, frameChunk } from "./chunked.ts";
import type { Framing } from "./framing.ts";

/** Tables are repeated before keyframes, and in streams without video this often. */
const TABLES_MS = 500;

const NO_BYTES = new Uint8Array(0);

/** A frame in the form of a transport stream. */
type Unit = Parameters<TsWriter["write"]>[0];

/**
 * A stream as an MPEG transport stream, by the packetiser of HLS. Codecs that a transport stream
 * does not hold are left out.
 */
export class TsFraming implements Framing {
  readonly log: TsLog;
  readonly #writer = new TsWriter();
  readonly #tracks = new TsTracks();
  #tablesMs = -Infinity;

  constructor() {
    this.log = new TsLog((tag) => this.#encode(tag));
  }

  begin(headers: readonly FlvTag[]): void {
    for (const tag of headers) this.#tracks.read(tag);
  }

  header(): Uint8Array<ArrayBuffer> {
    return NO_BYTES;
  }

  /** Nothing: tables and parameter sets are in the log, before every keyframe. */
  preamble(): Uint8Array<ArrayBuffer> {
    return NO_BYTES;
  }

  /** Returns the packets of a message; null if it has none. */
  #encode(tag: FlvTag): Uint8Array<ArrayBuffer> | null {
    const unit = this.#tracks.read(tag);
    if (unit === null) return null;
    const isDue = unit.isVideo
      ? unit.isKey
      : this.#tracks.video === null && Math.abs(unit.decodeMs - this.#tablesMs) >= TABLES_MS;
    if (isDue) {
      this.#tablesMs = unit.decodeMs;
      this.#writer.begin(tablesOf(this.#tracks), false);
    } else {
      this.#writer.resume(tablesOf(this.#tracks));
    }
    this.#writer.write(unit);
    return this.#writer.end();
  }
}

/** Turns messages into frames, with the configurations that came before them. */
class TsTracks {
  video: VideoTrack | null = null;
  audio: AudioTrack | null = null;
  readonly #clock = new LongClock();
  #toUnit: ReturnType<typeof unitMaker> | null = null;

  /** Reads a message. @returns its frame; null if it has none that the stream can hold */
  read({ typeId, timestampMs, payload }: FlvTag): Unit | null {
    if (typeId === TagType.video) return this.#readVideo(timestampMs, payload);
    return typeId === TagType.audio ? this.#readAudio(timestampMs, payload) : null;
  }

  #readVideo(timestampMs: number, payload: Uint8Array): Unit | null {
    const content = readVideo(payload);
    if (content === null || content.codec === null) return null;
    const { codec, body } = content;
    if (content.type === "config") {
      const track = videoTrack(codec, body, DEFAULT_SIZE);
      this.video = track !== null && containerFor(track, null) === "mpegts" ? track : null;
      this.#toUnit = null;
      return null;
    }
    if (codec !== this.video?.codec) return null;
    const decodeMs = this.#clock.at(timestampMs);
    const presentMs = Math.max(decodeMs, decodeMs + content.compositionMs);
    return this.#unit({ isVideo: true, isKey: content.isKey, decodeMs, presentMs, data: body });
  }

  #readAudio(timestampMs: number, payload: Uint8Array): Unit | null {
    const content = readAudio(payload);
    if (content === null || content.codec === null) return null;
    const { codec, body } = content;
    if (content.type === "config") {
      this.#setAudio(audioTrack(codec, body));
      return null;
    }
    if (codec !== this.audio?.codec) {
      if (codec.sequenceHeader === "required") return null;
      this.#setAudio(audioTrackFromFrame(codec, body));
    }
    if (this.audio === null || body.length === 0) return null;
    const decodeMs = this.#clock.at(timestampMs);
    return this.#unit({ isVideo: false, isKey: true, decodeMs, presentMs: decodeMs, data: body });
  }

  #setAudio(track: AudioTrack | null): void {
    this.audio = track !== null && containerFor(null, track) === "mpegts" ? track : null;
    this.#toUnit = null;
  }

  #unit(unit: Unit): Unit | null {
    this.#toUnit ??= unitMaker(this);
    const data = this.#toUnit(unit);
    return data === null ? null : { ...unit, data };
  }
}

/** The packets of a transport stream, one message a chunk. */
class TsLog extends MessageLog {
  readonly #encode: (tag: FlvTag) => Uint8Array<ArrayBuffer> | null;
  /** Where messages begin, and their timestamps. */
  #marks: { readonly offset: number; readonly timestampMs: number }[] = [];
  #newestTimestampMs = 0;

  constructor(encode: (tag: FlvTag) => Uint8Array<ArrayBuffer> | null) {
    super();
    this.#encode = encode;
  }

  append(tag: FlvTag): boolean {
    const packets = this.#encode(tag);
    if (packets === null) return false;
    const { timestampMs } = tag;
    this.#newestTimestampMs = timestampMs;
    this.#marks.push({ offset: this.head, timestampMs });
    const length = packets.length + CHUNK_FRAME_BYTES;
    const { bytes, used } = this.slabs.reserve(length, timestampMs);
    frameChunk(bytes, used, packets.length);
    bytes.set(packets, used + CHUNK_HEAD_BYTES);
    return this.slabs.commit(length);
  }

  lagMs(cursor: number): number {
    // Most cursors are near the head.
    let index = this.#marks.length;
    while (index > 0 && this.#marks[index - 1]!.offset >= cursor) index--;
    const mark = this.#marks[index];
    if (mark === undefined) return 0;
    return Math.max(0, diffU32(this.#newestTimestampMs, mark.timestampMs));
  }

  override dropBefore(offset: number): void {
    super.dropBefore(offset);
    const kept = this.#marks.findIndex((mark) => mark.offset >= this.tail);
    this.#marks = kept < 0 ? [] : this.#marks.slice(kept);
  }
}
