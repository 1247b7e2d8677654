import { type Clock, nextTurn } from "../base/clock.ts";
import type { Container } from "../media/codecs.ts";
import type { Segment } from "./segmenter.ts";
import { numberFragments } from "./patch_segment.ts";
import { TsMuxer } from "./ts_mux.ts";

/** The bytes of a segment. */
export interface MuxedSegment {
  readonly media: Uint8Array;
  /** Init segment that players need first; null for transport streams. */
  readonly init: Uint8Array | null;
}

/** Loads the muxer for CMAF. Repeated calls load it once. */
export type LoadCmaf = () => Promise<typeof import("./cmaf_mux.ts")>;

/** Options of {@linkcode SegmentMuxer}. */
interface SegmentMuxerOptions {
  readonly clock: Clock;
  readonly loadCmaf: LoadCmaf;
  /** An audio frame was too long for a transport stream. */
  readonly onFrameSkipped: () => void;
}

/** Muxes the segments of one channel, one at a time, without blocking the event loop. */
export class SegmentMuxer {
  readonly #pause: () => Promise<void>;
  readonly #loadCmaf: LoadCmaf;
  readonly #ts: TsMuxer;
  #nextFragment = 1;

  constructor({ clock, loadCmaf, onFrameSkipped }: SegmentMuxerOptions) {
    this.#pause = () => nextTurn(clock);
    this.#loadCmaf = loadCmaf;
    this.#ts = new TsMuxer(onFrameSkipped);
  }

  /** Muxes a segment. Rejects if the packets do not match their codec. */
  async mux(segment: Segment, container: Container): Promise<MuxedSegment> {
    if (container === "mpegts") {
      return { media: await this.#ts.mux(segment, this.#pause), init: null };
    }
    const { muxCmaf } = await this.#loadCmaf();
    const muxed = await muxCmaf(segment, this.#pause);
    this.#nextFragment = numberFragments(muxed.media, this.#nextFragment);
    return muxed;
  }
}
