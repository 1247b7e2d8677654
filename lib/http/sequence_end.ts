import { addU32, diffU32 } from "../base/u32.ts";
import { TagType } from "../media/flv_layout.ts";
import type { FlvTag } from "../media/flv_file.ts";

/** First two bytes of an H.264 payload (FLV 10.1 E.4.3.1): codec, frame type, packet type. */
const KEYFRAME = 0x17;
const IS_AVC = 0x07;

/** Where AVCDecoderConfigurationRecord has the size of lengths, less one (ISO 14496-15). */
const LENGTH_SIZE_AT = 9;

/** Inter frame, packet type 1, composition time 0. */
const FRAME_HEAD = [0x27, 1, 0, 0, 0];

/** NAL unit type 10 of H.264: a keyframe follows. */
const END_OF_SEQUENCE = 10;

/**
 * Ends the sequence where another encode follows a keyframe directly.
 *
 * DEVIATION: a message of a video frame with nothing but the end of the sequence | because
 * mpegts.js and flv.js hand the last frame on together with the next header, and a keyframe that is
 * decoded with the header of another encode ends the playback | test "FlvLog ends the sequence of a
 * keyframe that another encode follows"
 */
export class SequenceEnd {
  #header: Uint8Array = new Uint8Array(0);
  #isAfterKeyframe = false;
  #newestMs = 0;

  /** Returns what precedes `tag`, the next one of the stream; null for nothing. */
  // HOT: once per media message of a stream that is watched over HTTP.
  before({ typeId, timestampMs, payload }: FlvTag): FlvTag | null {
    if (typeId !== TagType.video) return null;
    if ((payload[0]! & 0x8f) !== IS_AVC || payload[1] !== 0) {
      this.#isAfterKeyframe = payload[0] === KEYFRAME && payload[1] === 1;
      this.#newestMs = timestampMs;
      return null;
    }
    const before = this.#header;
    this.#header = payload.slice();
    if (!this.#isAfterKeyframe || before.length <= LENGTH_SIZE_AT) return null;
    if (before.length === payload.length && before.every((byte, at) => byte === payload[at])) {
      return null;
    }
    this.#isAfterKeyframe = false;
    const lengthSize = (before[LENGTH_SIZE_AT]! & 3) + 1;
    const length = Array.from({ length: lengthSize }, (_, at) => at === lengthSize - 1 ? 1 : 0);
    return {
      typeId,
      timestampMs: diffU32(timestampMs, this.#newestMs) > 0 ? addU32(timestampMs, -1) : timestampMs,
      payload: Uint8Array.from([...FRAME_HEAD, ...length, END_OF_SEQUENCE]),
    };
  }
}
