/**
 * A short stream with video and audio in which no two frames are equal, as one encoder sends it to
 * all origins, and as an origin sends it to new players.
 */

import { addU32 } from "../../lib/base/u32.ts";
import { hex } from "./hex.ts";
import { AAC_HEADER, METADATA, type TinyMessage } from "./tiny_media.ts";

/** First bytes of the video messages, by kind. */
interface VideoCodec {
  readonly header: Uint8Array<ArrayBuffer>;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly inter: Uint8Array<ArrayBuffer>;
}

/** AVC with two decoder configurations, and HEVC in Enhanced RTMP. */
const VIDEO_CODECS = {
  avc: {
    header: hex("17 00 000000 01640020"),
    key: hex("17 01 000000"),
    inter: hex("27 01 000000"),
  },
  avcLarge: {
    header: hex("17 00 000000 01640033 FF"),
    key: hex("17 01 000000"),
    inter: hex("27 01 000000"),
  },
  hevc: {
    header: hex("90 68766331 0101"), // "hvc1", sequence start
    key: hex("93 68766331"), // coded frames without composition time
    inter: hex("A3 68766331"),
  },
} as const satisfies Record<string, VideoCodec>;

const GOP_FRAMES = 3;
const VIDEO_FRAMES = 7;
/** A video frame every 40 ms. Every other audio frame has the timestamp of a video frame. */
const VIDEO_FRAME_MS = 40;
const AUDIO_FRAME_MS = 20;
/** Large enough to be recognised, and more than one chunk of 128 bytes. */
const KEYFRAME_BYTES = 260;
const INTER_FRAME_BYTES = 204;
const AUDIO_FRAME_BYTES = 12;

/** Options of {@linkcode TinyEncode}. */
interface TinyEncodeOptions {
  readonly video?: keyof typeof VIDEO_CODECS;
  /** Added to the bytes of all frames, 0…255. Each value gives a different encode. */
  readonly seed?: number;
}

/** The messages of one encoder. */
export class TinyEncode {
  /** Metadata, video header, audio header. */
  readonly headers: readonly TinyMessage[];
  /** Video and audio frames in order. The first is a keyframe with timestamp 0. */
  readonly frames: readonly TinyMessage[];
  /** Indexes of the keyframes in `frames`. */
  readonly keyframes: readonly number[];

  constructor({ video = "avc", seed = 0 }: TinyEncodeOptions = {}) {
    const codec = VIDEO_CODECS[video];
    const frames: TinyMessage[] = [];
    const keyframes: number[] = [];
    for (let n = 0; n < VIDEO_FRAMES; n++) {
      const isKey = n % GOP_FRAMES === 0;
      if (isKey) keyframes.push(frames.length);
      const timestampMs = n * VIDEO_FRAME_MS;
      const videoFrame = isKey
        ? filled(codec.key, n + seed, KEYFRAME_BYTES)
        : filled(codec.inter, n + seed, INTER_FRAME_BYTES);
      frames.push({ typeId: 9, timestampMs, payload: videoFrame });
      for (const s of [0, 1]) {
        frames.push({
          typeId: 8,
          timestampMs: timestampMs + s * AUDIO_FRAME_MS,
          payload: filled(hex("AF 01"), 2 * n + s + seed, AUDIO_FRAME_BYTES),
        });
      }
    }
    this.frames = frames;
    this.keyframes = keyframes;
    this.headers = [
      { typeId: 18, timestampMs: 0, payload: METADATA },
      { typeId: 9, timestampMs: 0, payload: codec.header },
      { typeId: 8, timestampMs: 0, payload: AAC_HEADER },
    ];
  }

  /** All messages: headers, then frames. */
  get messages(): readonly TinyMessage[] {
    return [...this.headers, ...this.frames];
  }

  /** Returns the index of the newest keyframe among the first `count` frames. */
  keyframeBefore(count: number): number {
    return this.keyframes.findLast((index) => index < count) ?? 0;
  }

  /** Returns the headers with the timestamp of frame `first`. */
  headersAt(first: number): readonly TinyMessage[] {
    const { timestampMs } = this.frames[first]!;
    return this.headers.map((header) => header.typeId === 18 ? header : { ...header, timestampMs });
  }
}

/** Adds `startMs` (u32) to the timestamps of all messages but metadata. */
export function onClock(messages: readonly TinyMessage[], startMs: number): TinyMessage[] {
  return messages.map((message) =>
    message.typeId === 18
      ? message
      : { ...message, timestampMs: addU32(message.timestampMs, startMs) }
  );
}

/** Returns whether a message is a video or audio frame. */
export function isTinyFrame({ typeId, payload }: { typeId: number; payload: Uint8Array }): boolean {
  return typeId !== 18 && payload.length >= AUDIO_FRAME_BYTES;
}

function filled(
  head: Uint8Array,
  mark: number,
  length: number,
): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(length).fill(mark);
  payload.set(head);
  return payload;
}
