/**
 * A short broadcast with picture and sound in which no two frames are alike, as one encoder sends it to
 * all origins, and what an origin gives of it to whoever begins to play.
 */

import { addU32 } from "../../lib/base/u32.ts";
import { hex } from "./hex.ts";
import { AAC_HEADER, METADATA, type TinyMessage } from "./tiny_media.ts";

/** What comes before the body of a video message, by kind. */
interface VideoCodec {
  readonly header: Uint8Array<ArrayBuffer>;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly inter: Uint8Array<ArrayBuffer>;
}

/** AVC at two resolutions, which only the decoder configuration tells, and HEVC of Enhanced RTMP. */
export const VIDEO_CODECS = {
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

const GOP_PICTURES = 3;
const PICTURES = 7;
/** A picture in 40 ms, and two sounds: every other one at the time of a picture. */
const PICTURE_MS = 40;
const SOUND_MS = 20;
/** Large enough to be recognised, and more than one chunk of 128 bytes. */
const KEYFRAME_BYTES = 260;
const PICTURE_BYTES = 204;
const SOUND_BYTES = 12;

/** Options of {@linkcode TinyEncode}. */
export interface TinyEncodeOptions {
  readonly video?: keyof typeof VIDEO_CODECS;
  /** Added to the bytes of all frames, 0…255: another one is another encode. */
  readonly seed?: number;
}

/** See the file comment. */
export class TinyEncode {
  /** Metadata, video header, audio header. */
  readonly headers: readonly TinyMessage[];
  /** Pictures and sounds in order, from a keyframe at time 0 on. */
  readonly frames: readonly TinyMessage[];
  /** Indices of the keyframes among the frames. */
  readonly keyframes: readonly number[];

  constructor({ video = "avc", seed = 0 }: TinyEncodeOptions = {}) {
    const codec = VIDEO_CODECS[video];
    const frames: TinyMessage[] = [];
    const keyframes: number[] = [];
    for (let n = 0; n < PICTURES; n++) {
      const isKey = n % GOP_PICTURES === 0;
      if (isKey) keyframes.push(frames.length);
      const timestampMs = n * PICTURE_MS;
      const picture = isKey
        ? filled(codec.key, n + seed, KEYFRAME_BYTES)
        : filled(codec.inter, n + seed, PICTURE_BYTES);
      frames.push({ typeId: 9, timestampMs, payload: picture });
      for (const s of [0, 1]) {
        const sound = filled(hex("AF 01"), 2 * n + s + seed, SOUND_BYTES);
        frames.push({ typeId: 8, timestampMs: timestampMs + s * SOUND_MS, payload: sound });
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

  /** All of it. */
  get messages(): readonly TinyMessage[] {
    return [...this.headers, ...this.frames];
  }

  /** Index of the newest keyframe among the first `count` frames. */
  keyframeBefore(count: number): number {
    return this.keyframes.findLast((index) => index < count) ?? 0;
  }

  /** The headers, stamped like frame `first`. */
  headersAt(first: number): readonly TinyMessage[] {
    const { timestampMs } = this.frames[first]!;
    return this.headers.map((header) => header.typeId === 18 ? header : { ...header, timestampMs });
  }
}

/** The messages on a clock that shows `startMs` (u32) when theirs shows 0; metadata has no time. */
export function onClock(messages: readonly TinyMessage[], startMs: number): TinyMessage[] {
  return messages.map((message) =>
    message.typeId === 18
      ? message
      : { ...message, timestampMs: addU32(message.timestampMs, startMs) }
  );
}

/** Whether a message is a picture or a sound. */
export function isTinyFrame({ typeId, payload }: { typeId: number; payload: Uint8Array }): boolean {
  return typeId !== 18 && payload.length >= SOUND_BYTES;
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
