import { readAvcSize } from "../media/avc_size.ts";
import type { FrameSize } from "../media/frame_size.ts";
import type { Segment } from "./segmenter.ts";
import { DEFAULT_SIZE, type VideoTrack } from "./track.ts";

/** What a master playlist says of a stream. */
export interface Variant {
  /** Peak and average of the newest segments, in bit/s. */
  readonly peakBps: number;
  readonly averageBps: number;
  /** RFC 6381 names of the codecs, with commas between them. */
  readonly codecs: string;
  /** Null without video, or if neither the video nor the metadata states it. */
  readonly size: FrameSize | null;
  /** Frames per second; null without video. */
  readonly frameRate: number | null;
}

/** Segments that the rates are measured over. */
const MEASURED_SEGMENTS = 30;

/** Frame rates of cameras and encoders. Times in ms are too coarse to tell 29.97 from 30. */
const FRAME_RATES = [24000 / 1001, 24, 25, 30000 / 1001, 30, 48, 50, 60000 / 1001, 60];

/** How far a measured rate may be from one of these. */
const RATE_TOLERANCE = 0.0004;

/** MP3 in HLS has an own name. */
const CODEC_NAMES: Readonly<Record<string, string>> = { mp3: "mp4a.40.34" };

/** Measures the segments of a stream for its master playlist. */
export class VariantMeter {
  #segments: { readonly bits: number; readonly ms: number; readonly frames: number }[] = [];

  /** Forgets what was measured: other media follow. */
  reset(): void {
    this.#segments = [];
  }

  /** @param bytes Length of the segment's file. */
  add({ video, audio, packets, durationMs }: Segment, bytes: number): Variant {
    const frames = packets.filter(({ isVideo }) => isVideo).length;
    this.#segments.push({ bits: bytes * 8, ms: durationMs, frames });
    if (this.#segments.length > MEASURED_SEGMENTS) this.#segments.shift();
    const total = { bits: 0, ms: 0, frames: 0 };
    let peak = 0;
    for (const { bits, ms, frames } of this.#segments) {
      total.bits += bits;
      total.ms += ms;
      total.frames += frames;
      peak = Math.max(peak, bits / ms);
    }
    return {
      peakBps: roundUp(peak * 1000),
      averageBps: roundUp(total.bits * 1000 / total.ms),
      codecs: [video, audio].flatMap((track) =>
        track === null ? [] : nameOf(track.hls.codecString(track.config))
      ).join(","),
      size: video === null ? null : sizeOf(video),
      frameRate: video === null ? null : usualRate(total.frames * 1000 / total.ms),
    };
  }
}

function nameOf(codec: string): string {
  return CODEC_NAMES[codec] ?? codec;
}

function sizeOf({ hls, config, size }: VideoTrack): FrameSize | null {
  const own = hls.muxerName === "avc" ? readAvcSize(config) : null;
  return own ?? (size === DEFAULT_SIZE ? null : size);
}

/** Two digits, so that a master playlist seldom changes. */
function roundUp(bps: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, bps))) - 1);
  return Math.ceil(bps / unit) * unit;
}

function usualRate(measured: number): number {
  const near = FRAME_RATES.find((rate) => Math.abs(measured / rate - 1) < RATE_TOLERANCE) ??
    FRAME_RATES.find((rate) => Math.abs(measured / rate - 1) < 0.02);
  return near ?? Math.round(measured * 100) / 100;
}
