import { concatBytes } from "../base/bytes.ts";
import { type Clock, nextTurn } from "../base/clock.ts";
import { numberFragments, setTrackId } from "../hls/patch_segment.ts";
import type { LoadCmaf } from "../hls/segment_mux.ts";
import { type Segment, Segmenter } from "../hls/segmenter.ts";
import { isSameTrack } from "../hls/track.ts";
import { HeaderSet } from "../hub/header_set.ts";
import { isSideData } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import type { FileFormat, Patch, RecordedMessage } from "./file_format.ts";

/** Options of {@linkcode Mp4Format}. */
interface Mp4FormatOptions {
  readonly clock: Clock;
  readonly loadCmaf: LoadCmaf;
  readonly waitKeyframe: boolean;
  /** The file lacks a codec of the stream. */
  readonly onOmitted: (codecName: string) => void;
}

/** Duration of a fragment: what a server that dies loses of a file. */
const FRAGMENT_MS = 500;

/**
 * Fragmented MP4. Each fragment, of half a second, is complete when it is written, so the file can
 * be played at any time. Muxed as HLS's CMAF segments are. Its tracks are those of the first
 * fragment.
 */
export class Mp4Format implements FileFormat {
  readonly #options: Mp4FormatOptions;
  readonly #segmenter: Segmenter;
  #segments: Segment[] = [];
  /** The first fragment; null until it is written. */
  #first: Segment | null = null;
  #headers = new HeaderSet();
  #nextFragment = 1;

  constructor(options: Mp4FormatOptions) {
    this.#options = options;
    const rules = {
      fragmentMs: FRAGMENT_MS,
      targetDurationRatio: 1,
      audioOverflowRatio: 1,
      waitKeyframe: options.waitKeyframe,
      keepsRest: true,
    };
    this.#segmenter = new Segmenter(rules, {
      onSegment: (segment) => this.#segments.push(segment),
      onTracks: () => {},
      onOmitted: (codecName) => options.onOmitted(codecName),
      onLongGop: () => {},
      onTimeStands: () => {},
    });
  }

  /** Whether the message is another decoder configuration: a file has one per track. */
  endsBefore({ typeId, payload }: RecordedMessage): boolean {
    const isHeader = typeId !== MessageType.DATA_AMF0 && isSideData(typeId, payload);
    return isHeader && this.#first !== null &&
      this.#headers.after(typeId, payload) !== this.#headers;
  }

  push({ typeId, timeMs, payload }: RecordedMessage): void {
    if (isSideData(typeId, payload)) this.#headers = this.#headers.after(typeId, payload);
    this.#segmenter.push(typeId, timeMs >>> 0, payload);
  }

  async take(): Promise<Uint8Array> {
    const segments = this.#segments;
    this.#segments = [];
    const parts: Uint8Array[] = [];
    for (const segment of segments) parts.push(...await this.#mux(segment));
    return concatBytes(parts);
  }

  takeRest(): Promise<Uint8Array> {
    this.#segmenter.breakOff();
    return this.take();
  }

  noteWritten(): void {}

  /** Players add up the fragments. */
  patches(): readonly Patch[] {
    return [];
  }

  async #mux(whole: Segment): Promise<Uint8Array[]> {
    const first = this.#first ?? whole;
    const segment = fitTo(first, whole);
    if (segment === null) return [];
    const { clock, loadCmaf } = this.#options;
    const { muxCmaf } = await loadCmaf();
    const { init, media } = await muxCmaf(segment, () => nextTurn(clock));
    this.#nextFragment = numberFragments(media, this.#nextFragment);
    // Without video, the muxer calls the audio the first track.
    if (first.video !== null && segment.video === null) setTrackId(media, 2);
    if (this.#first !== null) return [media];
    this.#first = first;
    return [init, media];
  }
}

/** Returns a segment without the tracks that `first` does not have; null if nothing is left. */
function fitTo(first: Segment, segment: Segment): Segment | null {
  const video = isSameTrack(first.video, segment.video) ? segment.video : null;
  const audio = isSameTrack(first.audio, segment.audio) ? segment.audio : null;
  const packets = segment.packets.filter(({ isVideo }) => (isVideo ? video : audio) !== null);
  return packets.length === 0 ? null : { ...segment, video, audio, packets };
}
