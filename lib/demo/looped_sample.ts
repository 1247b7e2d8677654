import { type FlvTag, readFlv } from "../media/flv_file.ts";
import { TagType } from "../media/flv_layout.ts";
import { withSetDataFrame } from "../media/metadata.ts";
import { isFrame } from "./frame_check.ts";
import { decodeSampleFlv, SAMPLE_DURATION_MS } from "./sample.ts";

/**
 * The sample as an endless stream, as an encoder that repeats it would send it. Metadata and
 * sequence headers occur once, at the start.
 */
export class LoopedSample {
  readonly #frames: readonly FlvTag[];
  #opening: readonly FlvTag[];
  #takenCount = 0;

  constructor() {
    const { tags } = readFlv(decodeSampleFlv());
    this.#frames = tags.filter(isFrame);
    this.#opening = tags.filter((tag) => !isFrame(tag)).map(asPublished);
  }

  /**
   * Returns the tags that are due `elapsedMs` after the start and were not taken before. Timestamps
   * continue where the sample repeats. Payloads are shared and must not be changed.
   */
  takeDue(elapsedMs: number): FlvTag[] {
    const due = [...this.#opening];
    this.#opening = [];
    for (let tag = this.#next(); tag.timestampMs <= elapsedMs; tag = this.#next()) {
      due.push(tag);
      this.#takenCount++;
    }
    return due;
  }

  #next(): FlvTag {
    const round = Math.floor(this.#takenCount / this.#frames.length);
    const tag = this.#frames[this.#takenCount % this.#frames.length]!;
    return { ...tag, timestampMs: tag.timestampMs + round * SAMPLE_DURATION_MS };
  }
}

/** Encoders prepend `@setDataFrame` to metadata. */
function asPublished(tag: FlvTag): FlvTag {
  if (tag.typeId !== TagType.data) return tag;
  return { ...tag, payload: withSetDataFrame(tag.payload) };
}
