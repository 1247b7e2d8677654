import { addU32, diffU32 } from "../base/u32.ts";
import { TagType } from "../media/flv_layout.ts";
import type { FlvTag } from "../media/flv_file.ts";

/** First byte of an H.264 payload (FLV 10.1 E.4.3.1), and the same without the frame type. */
const KEYFRAME = 0x17;
const IS_AVC = 0x07;

/** Second byte of an H.264 payload. The third kind, the end of the sequence, is no frame. */
const PacketType = { header: 0, frame: 1 } as const;

/** Where AVCDecoderConfigurationRecord has the size of lengths, less one (ISO 14496-15). */
const LENGTH_SIZE_AT = 9;

/** Inter frame, packet type 1, composition time 0. */
const FRAME_HEAD = [0x27, 1, 0, 0, 0];

/** NAL unit type 10 of H.264: a keyframe follows. */
const END_OF_SEQUENCE = 10;

/** Frames that a player keeps: the last one, and one more that arrives alone. */
const KEPT_FRAMES = 2;

/**
 * Ends the sequence where another encode follows a keyframe, or the frame after it.
 *
 * DEVIATION: two messages of a video frame with nothing but the end of the sequence | because
 * mpegts.js and flv.js keep up to two frames until after the next header, and a keyframe that is
 * decoded with the header of another encode ends the playback | test "FlvLog ends the sequence of a
 * late keyframe that another encode follows"
 */
export class SequenceEnd {
  #header: Uint8Array = new Uint8Array(0);
  #framesSinceKeyframe = KEPT_FRAMES;
  #newestMs = 0;

  /** Returns what precedes `tag`, the next one of the stream. */
  // HOT: once per media message of a stream that is watched over HTTP.
  before({ typeId, timestampMs, payload }: FlvTag): readonly FlvTag[] {
    if (typeId !== TagType.video) return NOTHING;
    const isAvc = (payload[0]! & 0x8f) === IS_AVC;
    if (!isAvc || payload[1] === PacketType.frame) {
      this.#framesSinceKeyframe = payload[0] === KEYFRAME ? 0 : this.#framesSinceKeyframe + 1;
      this.#newestMs = timestampMs;
      return NOTHING;
    }
    if (payload[1] !== PacketType.header) return NOTHING;
    const before = this.#header;
    this.#header = payload.slice();
    if (this.#framesSinceKeyframe >= KEPT_FRAMES || before.length <= LENGTH_SIZE_AT) return NOTHING;
    if (before.length === payload.length && before.every((byte, at) => byte === payload[at])) {
      return NOTHING;
    }
    this.#framesSinceKeyframe = KEPT_FRAMES;
    const lengthSize = (before[LENGTH_SIZE_AT]! & 3) + 1;
    const length = Array.from({ length: lengthSize }, (_, at) => at === lengthSize - 1 ? 1 : 0);
    const end = Uint8Array.from([...FRAME_HEAD, ...length, END_OF_SEQUENCE]);
    const roomMs = Math.max(0, Math.min(KEPT_FRAMES, diffU32(timestampMs, this.#newestMs)));
    return Array.from({ length: KEPT_FRAMES }, (_, index) => ({
      typeId,
      timestampMs: addU32(timestampMs, Math.min(0, index - roomMs)),
      payload: end,
    }));
  }
}

const NOTHING: readonly FlvTag[] = [];
