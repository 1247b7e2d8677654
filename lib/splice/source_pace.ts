import { addU32, diffU32 } from "../base/u32.ts";
import type { TimePair } from "../hub/timeline.ts";
import { isFrame } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import type { DeliveryHistory, TrackHistory } from "./delivery_history.ts";

/**
 * A source that gained nothing on the clock for this long, in ms, has sent its GOP cache. A flight
 * of packets over a long distance is shorter.
 */
const SETTLE_MS = 100;

/** Frames that arrive within this time, in ms, are one flight. */
const FLIGHT_MS = 20;

/**
 * Flights in a row that gained nothing on the clock, the one that just begins among them. The first
 * frame after a pause of a busy machine gains nothing, nor does a lone frame between two pauses.
 */
const LATE_FLIGHTS = 3;

/**
 * A source that has just begun passes on what a publisher's edge repeats: all that it keeps, in ms.
 */
const MIN_REACH_MS = 3_500;

/** By how much two origins may differ in their distance from the encoder, in ms. */
const SLACK_MS = 500;

/**
 * How far a new source is in its broadcast, by the clock: it begins with its GOP cache, faster than
 * real time, and then sends what is live. So of several places in a repeated file that match, one
 * fits the time that has passed since the last delivery.
 */
export class SourcePace {
  readonly #history: DeliveryHistory;
  readonly #typeId: number;
  readonly #reachMs: number;
  /** Time of its first frame, on its clock; null before. */
  #firstMs: number | null = null;
  /** When its first message arrived; -1 before. */
  #beganMs = -1;
  /** The frame that was earliest for its time, on its clock, */
  #bestMs = 0;
  /** and when it arrived. */
  #bestAtMs = 0;
  /** Flights that began after it and gained nothing, */
  #lateFlights = 0;
  /** and when the newest of them began. */
  #flightMs = 0;
  #isLive = false;
  #nowMs = 0;

  /**
   * @param reachMs How far before what is live the source was asked to begin, in ms; it begins up
   * to a GOP earlier. `Infinity` if unknown.
   */
  constructor(history: DeliveryHistory, reachMs: number) {
    this.#history = history;
    this.#typeId = history.video.end > 0 ? MessageType.VIDEO : MessageType.AUDIO;
    this.#reachMs = reachMs < 0 ? reachMs : Math.max(reachMs, MIN_REACH_MS);
  }

  /** Takes the next message, of any kind. */
  note(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#beganMs < 0) this.#beganMs = nowMs;
    if (typeId !== this.#typeId || !isFrame(typeId, payload)) return;
    const passedMs = nowMs - this.#bestAtMs;
    const gainedMs = diffU32(timestampMs, this.#bestMs) - passedMs;
    if (this.#firstMs !== null && gainedMs <= passedMs / 2) return this.#noteLate(nowMs);
    this.#lateFlights = 0;
    this.#isLive = false;
    this.#firstMs ??= timestampMs;
    this.#bestMs = timestampMs;
    this.#bestAtMs = nowMs;
  }

  #noteLate(nowMs: number): void {
    if (this.#lateFlights === 0 || nowMs - this.#flightMs >= FLIGHT_MS) {
      this.#lateFlights++;
      this.#flightMs = nowMs;
    }
    if (this.#lateFlights >= LATE_FLIGHTS && nowMs - this.#bestAtMs >= SETTLE_MS) {
      this.#isLive = true;
    }
  }

  /** How long it has been sending, in ms. */
  get spentMs(): number {
    return this.#nowMs - this.#beganMs;
  }

  /** Whether it may have begun before all that is remembered, so that more will match. */
  get mayBeginEarlier(): boolean {
    return this.#reachMs === Infinity && !this.isLive;
  }

  /** Whether it has sent its GOP cache, and what it sends now is live. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** How much more of its GOP cache may follow at most, in ms. */
  get restMs(): number {
    if (this.#firstMs === null) return Infinity;
    if (this.isLive) return 0;
    const { gopMs } = this.#history;
    if (gopMs === 0) return Infinity;
    const sentMs = diffU32(this.#bestMs, this.#firstMs);
    return Math.max(0, this.#reachMs + gopMs + SLACK_MS - sentMs);
  }

  /**
   * Returns how far behind the last source, in ms of stream time, this one would be on the clock
   * that `align` gives. It catches up by {@linkcode restMs} at most.
   */
  lagMs({ sourceMs, streamMs }: TimePair): number {
    const reachedMs = addU32(streamMs, diffU32(this.#bestMs, sourceMs));
    return diffU32(this.#track.expectedMs(this.#bestAtMs), reachedMs);
  }

  get #track(): TrackHistory {
    const { video, audio } = this.#history;
    return this.#typeId === MessageType.VIDEO ? video : audio;
  }
}
