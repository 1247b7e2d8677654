import { addU32, diffU32 } from "../base/u32.ts";
import type { TimePair } from "../hub/timeline.ts";
import { isFrame } from "../media/flv_tag.ts";
import { isMetadata } from "../media/metadata.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type DeliveryHistory, fingerprint, type TrackHistory } from "./delivery_history.ts";

/**
 * Drops messages that were delivered before the switch to another origin of the same encode. Each
 * track continues after its newest delivered message; from its first new message on, all of the
 * track is new.
 */
export class CatchUp {
  /** When the new origin begins, in stream time. */
  readonly #beginMs: number;
  readonly #shiftMs: number;
  readonly #video: TrackCatchUp;
  readonly #audio: TrackCatchUp;
  readonly #headers: TrackHistory;

  /** @param align the new origin's clock in stream time */
  constructor(history: DeliveryHistory, align: TimePair) {
    this.#beginMs = align.streamMs;
    this.#shiftMs = diffU32(align.streamMs, align.sourceMs);
    this.#video = new TrackCatchUp(history.video);
    this.#audio = new TrackCatchUp(history.audio);
    this.#headers = history.headers;
  }

  /** Both tracks have passed something new: nothing is left to decide. */
  get isDone(): boolean {
    return this.#video.isDone && this.#audio.isDone;
  }

  /**
   * Returns how much older, in ms of stream time, a frame is than the newest one that was delivered
   * of its track; `Infinity` for what is no frame.
   */
  behindMs(typeId: number, timestampMs: number, payload: Uint8Array): number {
    if (!isFrame(typeId, payload)) return Infinity;
    const track = typeId === MessageType.VIDEO ? this.#video : this.#audio;
    return track.behindMs(addU32(timestampMs, this.#shiftMs));
  }

  /** Returns whether the message was not delivered before. */
  isNew(typeId: number, timestampMs: number, payload: Uint8Array): boolean {
    // Metadata is of the same encode. Other data is rare, and better doubled than lost.
    if (typeId === MessageType.DATA_AMF0) return !isMetadata(payload);
    const streamMs = addU32(timestampMs, this.#shiftMs);
    const track = typeId === MessageType.VIDEO ? this.#video : this.#audio;
    if (isFrame(typeId, payload)) return track.isNew(streamMs, payload);
    return track.isPast(streamMs) && this.#isHeaderSince(streamMs, payload) ||
      !this.#headers.has(fingerprint(payload), payload.length);
  }

  /**
   * Whether a header that was delivered returns later in the stream, as when an encode changes its
   * resolution and changes it back. The headers with which the new origin begins do not count.
   */
  #isHeaderSince(streamMs: number, payload: Uint8Array): boolean {
    if (diffU32(streamMs, this.#beginMs) <= 0) return false;
    return this.#headers.find(fingerprint(payload), payload.length)
      .every((number) => diffU32(streamMs, this.#headers.timeOf(number)) > 0);
  }
}

/** The catching up of one track. */
class TrackCatchUp {
  readonly #track: TrackHistory;
  /** The messages that were delivered before the switch end here. */
  readonly #end: number;
  isDone: boolean;

  constructor(track: TrackHistory) {
    this.#track = track;
    this.#end = track.end;
    this.isDone = track.end === 0;
  }

  isNew(streamMs: number, payload: Uint8Array): boolean {
    if (this.isDone) return true;
    const aheadMs = diffU32(streamMs, this.#track.timeOf(this.#end - 1));
    this.isDone = aheadMs > 0 || (aheadMs === 0 && !this.#isKnownAt(streamMs, payload));
    return this.isDone;
  }

  behindMs(streamMs: number): number {
    return this.#end === 0 ? 0 : diffU32(this.#track.timeOf(this.#end - 1), streamMs);
  }

  /** Whether a message at `streamMs` follows all that was delivered before the switch. */
  isPast(streamMs: number): boolean {
    if (this.#end === 0) return false;
    return this.isDone || diffU32(streamMs, this.#track.timeOf(this.#end - 1)) > 0;
  }

  /** Several messages may share one time: slices of a video frame. */
  #isKnownAt(streamMs: number, payload: Uint8Array): boolean {
    const hash = fingerprint(payload);
    for (let number = this.#end - 1; number >= this.#track.start; number--) {
      if (this.#track.timeOf(number) !== streamMs) return false;
      if (this.#track.matches(number, hash, payload.length)) return true;
    }
    return false;
  }
}
