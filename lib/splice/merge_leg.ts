import { addU32, diffU32 } from "../base/u32.ts";
import type { TimePair } from "../hub/timeline.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type DeliveryHistory, fingerprint, type TrackHistory } from "./delivery_history.ts";

/**
 * Where a frame belongs. `known`: delivered before, or too late. `next`: it follows what was
 * delivered. `ahead`: something may be missing before it.
 */
type Place = "known" | "next" | "ahead";

/** A step this much longer than usual, in parts of the usual one, may be a hole. */
const HOLE_STEPS = 1.6;

/** Steps from which the usual one is taken. */
const USUAL_STEPS = 16;

/** A frame found elsewhere than expected is the same if it is this near in time, in ms, */
const NEAR_MS = 5;

/** or has this many bytes: small ones are all alike. */
const MIN_BYTES = 200;

/** Frames in a row that are not found, after which the source is another encode. */
const MAX_STRAYS = 25;

/** One track of a leg: the number that its next frame has in the history. */
class LegTrack {
  readonly #track: TrackHistory;
  /** -1 before the first frame of a leg that was aligned by time. */
  #next: number;
  /** From the leg's clock to stream time. */
  #shiftMs: number;
  strays = 0;

  constructor(track: TrackHistory, next: number, shiftMs: number) {
    this.#track = track;
    this.#next = next;
    this.#shiftMs = shiftMs;
  }

  /** Whether its next frame is the stream's. */
  get isAtHead(): boolean {
    return this.#next >= this.#track.end;
  }

  streamMs(timestampMs: number): number {
    return addU32(timestampMs, this.#shiftMs);
  }

  /** `next` and `ahead` leave the position where it is until {@linkcode delivered}. */
  place(hash: number, length: number, timestampMs: number): Place {
    const track = this.#track;
    const streamMs = this.streamMs(timestampMs);
    if (this.#next < 0) this.#next = this.#locate(hash, length, streamMs);
    if (this.isAtHead) return this.#isHole(streamMs) ? "ahead" : "next";
    const number = track.matches(this.#next, hash, length)
      ? this.#next
      : this.#find(hash, length, streamMs);
    if (number >= 0) {
      this.strays = 0;
      this.#next = number + 1;
      this.#shiftMs = diffU32(track.timeOf(number), timestampMs);
      return "known";
    }
    if (diffU32(streamMs, track.timeOf(track.end - 1)) <= 0) {
      this.strays++;
      return "known";
    }
    // It passes the newest frame without having had it.
    this.#next = track.end;
    return "ahead";
  }

  /** Its frame is about to be the newest of the history. */
  delivered(): void {
    this.strays = 0;
    this.#next = this.#track.end + 1;
  }

  /** Frames that are missing before one at `streamMs`, by time. */
  missingBefore(streamMs: number): number {
    const { end } = this.#track;
    const usualMs = this.#usualMs;
    if (end === 0 || usualMs <= 0) return 0;
    const stepMs = diffU32(streamMs, this.#track.timeOf(end - 1));
    return Math.max(0, Math.round(stepMs / usualMs) - 1);
  }

  #isHole(streamMs: number): boolean {
    const { end } = this.#track;
    const usualMs = this.#usualMs;
    if (end === 0 || usualMs <= 0) return false;
    return diffU32(streamMs, this.#track.timeOf(end - 1)) > HOLE_STEPS * usualMs + NEAR_MS;
  }

  get #usualMs(): number {
    const { start, end } = this.#track;
    const first = Math.max(start, end - 1 - USUAL_STEPS);
    const steps = end - 1 - first;
    if (steps < 1) return 0;
    return diffU32(this.#track.timeOf(end - 1), this.#track.timeOf(first)) / steps;
  }

  #find(hash: number, length: number, streamMs: number): number {
    const numbers = this.#track.find(hash, length).filter((number) => number > this.#next);
    const near = numbers.find((number) => this.#isNear(number, streamMs));
    return near ?? (length >= MIN_BYTES ? numbers[0] : undefined) ?? -1;
  }

  #locate(hash: number, length: number, streamMs: number): number {
    const track = this.#track;
    const found = track.find(hash, length).findLast((number) => this.#isNear(number, streamMs));
    if (found !== undefined) return found;
    let number = track.end;
    while (number > track.start && diffU32(track.timeOf(number - 1), streamMs) >= 0) number--;
    return number;
  }

  #isNear(number: number, streamMs: number): boolean {
    return Math.abs(diffU32(this.#track.timeOf(number), streamMs)) <= NEAR_MS;
  }
}

/** One of the sources of a {@linkcode Merge}: where it stands in what was delivered. */
export class MergeLeg {
  readonly #video: LegTrack;
  readonly #audio: LegTrack;

  private constructor(video: LegTrack, audio: LegTrack) {
    this.#video = video;
    this.#audio = audio;
  }

  /** The source that delivered all of `history`. @param shiftOf its clock in stream time, in ms */
  static atHead({ video, audio }: DeliveryHistory, shiftOf: (typeId: number) => number): MergeLeg {
    return new MergeLeg(
      new LegTrack(video, video.end, shiftOf(MessageType.VIDEO)),
      new LegTrack(audio, audio.end, shiftOf(MessageType.AUDIO)),
    );
  }

  /** A source of the same encode, whose clock in stream time is known. */
  static aligned({ video, audio }: DeliveryHistory, align: TimePair): MergeLeg {
    const shiftMs = diffU32(align.streamMs, align.sourceMs);
    return new MergeLeg(new LegTrack(video, -1, shiftMs), new LegTrack(audio, -1, shiftMs));
  }

  /** It sends what was never delivered: another encode. */
  get isForeign(): boolean {
    return this.#video.strays > MAX_STRAYS || this.#audio.strays > 2 * MAX_STRAYS;
  }

  isAtHead(typeId: number): boolean {
    return this.#trackOf(typeId).isAtHead;
  }

  /** Returns where a frame belongs. */
  place(typeId: number, timestampMs: number, payload: Uint8Array): Place {
    return this.#trackOf(typeId).place(fingerprint(payload), payload.length, timestampMs);
  }

  streamMs(typeId: number, timestampMs: number): number {
    return this.#trackOf(typeId).streamMs(timestampMs);
  }

  delivered(typeId: number): void {
    this.#trackOf(typeId).delivered();
  }

  missingBefore(typeId: number, timestampMs: number): number {
    return this.#trackOf(typeId).missingBefore(this.streamMs(typeId, timestampMs));
  }

  #trackOf(typeId: number): LegTrack {
    return typeId === MessageType.VIDEO ? this.#video : this.#audio;
  }
}
