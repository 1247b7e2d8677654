import type { HeaderSet } from "../hub/header_set.ts";
import { describeCodec } from "../media/codec_name.ts";
import { type FlvTag, readFlv } from "../media/flv_file.ts";
import { TagType } from "../media/flv_layout.ts";
import { classifyVideo, isFrame, isSideData, VideoKind } from "../media/flv_tag.ts";

/** A shorter one would repeat too often. In ms. */
const MIN_DURATION_MS = 500;

/** The codecs of a stream's tracks; null without such a track, or before its header. */
interface TrackCodecs {
  readonly video: string | null;
  readonly audio: string | null;
}

/** An FLV file that is shown in a loop in place of a publisher that is gone. */
export class SlateFile {
  /** Sequence headers. */
  readonly headers: readonly FlvTag[];
  /** From the first keyframe on, whose time is 0. At least two. */
  readonly frames: readonly FlvTag[];
  /** When the first frame follows the last one, in ms. */
  readonly durationMs: number;
  readonly #codecs: TrackCodecs;

  /**
   * Reads a file.
   *
   * @throws {WireError} when it is no FLV; {@linkcode Error} when it cannot be shown.
   */
  static parse(bytes: Uint8Array): SlateFile {
    return new SlateFile(readFlv(bytes).tags);
  }

  private constructor(tags: readonly FlvTag[]) {
    const media = tags.filter(({ typeId }) => typeId !== TagType.data);
    const first = media.findIndex(({ typeId, payload }) =>
      typeId === TagType.video && classifyVideo(payload) === VideoKind.keyframe
    );
    if (first < 0) throw new Error("it has no keyframe");
    const beganMs = media[first]!.timestampMs;
    this.headers = media.filter(({ typeId, payload }) => isSideData(typeId, payload));
    this.frames = media.slice(first)
      .filter(({ typeId, payload }) => isFrame(typeId, payload))
      .map((tag) => ({ ...tag, timestampMs: Math.max(0, tag.timestampMs - beganMs) }));
    this.durationMs = Math.max(
      trackDurationMs(this.frames, TagType.video),
      trackDurationMs(this.frames, TagType.audio),
    );
    if (this.durationMs < MIN_DURATION_MS) {
      throw new Error(`it lasts ${this.durationMs} ms, less than ${MIN_DURATION_MS}`);
    }
    this.#codecs = { video: this.#codecOf(TagType.video), audio: this.#codecOf(TagType.audio) };
  }

  /** Returns why it cannot stand for a stream with these headers, or null. */
  differsFrom(headers: HeaderSet): string | null {
    const stream: TrackCodecs = {
      video: nameOf(TagType.video, headers.payloadOf("video")),
      audio: nameOf(TagType.audio, headers.payloadOf("audio")),
    };
    const { video, audio } = this.#codecs;
    if (video === stream.video && audio === stream.audio) return null;
    return `the file has ${describe(this.#codecs)}, the stream ${describe(stream)}`;
  }

  #codecOf(typeId: number): string | null {
    const header = this.headers.find((tag) => tag.typeId === typeId);
    return nameOf(typeId, header?.payload ?? null);
  }
}

function nameOf(typeId: number, payload: Uint8Array | null): string | null {
  return payload === null ? null : describeCodec(typeId, payload);
}

function describe({ video, audio }: TrackCodecs): string {
  return `${video ?? "no video"} and ${audio ?? "no audio"}`;
}

/** Returns the time of the last frame of a track and as long as a frame lasts, in ms. */
function trackDurationMs(frames: readonly FlvTag[], typeId: number): number {
  const times = frames.filter((tag) => tag.typeId === typeId).map((tag) => tag.timestampMs);
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || times.length < 2) return 0;
  return last + Math.ceil((last - first) / (times.length - 1));
}
