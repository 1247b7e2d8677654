import { addU32, diffU32 } from "../base/u32.ts";

/** A track of a stream. Some sources stamp each by its own clock. */
export type Track = "audio" | "video";

/** A step ahead of up to this is normal: bursts after a stall, GOP caches, sparse frames. */
const MAX_STEP_MS = 3_000;

/**
 * After a larger step, stream time may lead arrival by this; else the step is a leap. Of a paced
 * source, every step that is larger than this is judged so.
 */
const PAUSE_TOLERANCE_MS = 1_000;

/** A source is paced when it sent no faster than time passes for this long. */
const PACED_AFTER_MS = 2_000;

/** By how much stream time may gain on arrival meanwhile: clocks drift. */
const PACE_DRIFT_MS = 250;

/** A smaller step back is jitter, and time stands still; a larger one is a new clock. */
const JITTER_MS = 500;

/** Tracks up to this far apart keep their distance exactly, which keeps lip sync. */
const MAX_DISTANCE_MS = 3_000;

/** How long a track may stand still while the old clock overlaps the new one. */
const MAX_OVERLAP_MS = 1_000;

/** A track whose timestamps stand still for longer than this is unstamped. */
const UNSTAMPED_AFTER_MS = 1_000;

/** A timestamp that is repeated once after a silence is no sign of that: gaps count for this. */
const MAX_STILL_GAP_MS = 200;

/** Assumed time between two frames: 25 fps. */
const FRAME_MS = 40;

/** A first timestamp below this is kept unchanged. */
const NEAR_ZERO_MS = 10_000;

/** Stream time at which a high clock starts: leaves room for early messages of the other track. */
const FIRST_MS = 3_000;

/** One moment on the clock of a source and in stream time, both u32. */
export interface TimePair {
  readonly sourceMs: number;
  readonly streamMs: number;
}

/** A correction: the clock of `track` no longer continues. */
export interface ClockChange {
  readonly track: Track;
  /**
   * `leap`: it stepped, but no such time passed. `apart`: it started more than 3 s from the other
   * track. `unstamped`: its timestamps stand still.
   */
  readonly kind: "leap" | "apart" | "unstamped";
  /** Size of the leap or distance, in ms; 0 for `unstamped`. */
  readonly byMs: number;
}

/** Options of {@linkcode Timeline}. */
interface TimelineOptions {
  /**
   * Keeps the source's timestamps (SRS `atc on`). Otherwise stream time starts near 0: even if the
   * encoder starts high, 4-byte timestamps first appear after 4 h 39 min.
   */
  readonly isAbsolute: boolean;
  /** Called once per correction, before `map` returns. */
  readonly onClockChange?: (change: ClockChange) => void;
}

/** A leap of `stepMs`, which changed the offset of `track` by `shiftMs`. */
interface Leap {
  readonly track: Track;
  readonly stepMs: number;
  readonly shiftMs: number;
}

/** The clock of a track. Lives as long as the stream. */
interface TrackClock {
  readonly track: Track;
  /** Stream time minus source time; null until the next message sets it. */
  offsetMs: number | null;
  /** False before the first message of the stream. */
  hasTime: boolean;
  /** Newest stream time, u32. */
  streamMs: number;
  /** False before the first message of the source. */
  hasSource: boolean;
  /** Source time of the newest message, u32. */
  sourceMs: number;
  /** Arrival of the newest message. */
  arrivalMs: number;
  /** How long messages have kept arriving with this `sourceMs`. A silence hardly counts. */
  stillMs: number;
  isUnstamped: boolean;
  /** The most that its stream time led arrival, mod 2³²; null before a source's first message. */
  leadMs: number | null;
  /** That lead when it last grew by more than drift, and when that was. */
  pacedLeadMs: number;
  pacedSinceMs: number;
}

/**
 * Keeps stream time: one clock for players, however the clocks of sources behave. Per track it
 * never runs backwards, and it advances as arrival times do. RTMP timestamps are decoding times, so
 * an honest source sends them in order (RTMP 1.0 §5.3.1).
 *
 * Each track has its own offset, because some encoders stamp audio and video by two clocks. A step
 * of a track's source time is judged by the last message of the track and by arrival:
 *
 * | step                              | meaning                      | stream time             | |
 * --------------------------------- | ---------------------------- | ----------------------- | |
 * 0…3 s, of a paced source 0…1 s    | normal                       | advances by the step    | |
 * more, leads arrival by up to 1 s  | a pause with a running clock | advances by the step    | |
 * more, leads arrival by over 1 s   | a leap                       | advances as arrival did | |
 * back by less than 500 ms          | jitter                       | stands still            | |
 * back by more                      | a leap                       | advances as arrival did | |
 * none for over 1 s                 | an unstamped track           | follows the other track |
 *
 * Paced is a source whose messages arrive as its time advances. One that sends a file faster is
 * not, nor is a burst, and nothing but their own times tells how far apart their frames are.
 *
 * A leap of one track predicts that of the other: if the other leaps by the same amount ± 3 s, its
 * offset changes by the same amount, which keeps lip sync.
 */
export class Timeline {
  #isAbsolute: boolean;
  readonly #onClockChange: (change: ClockChange) => void;
  readonly #audio = createTrackClock("audio");
  readonly #video = createTrackClock("video");
  #hasTime = false;
  #nowMs = 0;
  /** The most that stream time led arrival, mod 2³²; null before a source's first message. */
  #leadMs: number | null = null;
  /** The newest leap, until the other track leaps as far. */
  #leap: Leap | null = null;

  constructor({ isAbsolute, onClockChange }: TimelineOptions) {
    this.#isAbsolute = isAbsolute;
    this.#onClockChange = onClockChange ?? (() => {});
  }

  /** Newest stream time of all tracks in ms, u32. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Prepares for another source. `isAbsolute` is as for the constructor. */
  beginSource(isAbsolute: boolean = this.#isAbsolute): void {
    this.#isAbsolute = isAbsolute;
    this.#resetSource(null);
  }

  /** Prepares for another source whose clock shows `sourceMs` at stream time `streamMs`. */
  resumeSource({ sourceMs, streamMs }: TimePair): void {
    this.#resetSource(diffU32(streamMs, sourceMs));
  }

  /**
   * Whether `sourceMs` continues the clock of `track`. False while that is unknown. Callers stamp
   * headers that do not follow with {@linkcode nowMs}.
   */
  follows(track: Track, sourceMs: number, arrivalMs: number): boolean {
    if (this.#isAbsolute) return true;
    const clock = this.#clockOf(track);
    if (!clock.hasSource) return this.#offsetForFirst(clock, sourceMs) !== null;
    return !this.#isLeap(clock, sourceMs, arrivalMs);
  }

  /**
   * Returns the stream time of a data message, u32: on the clock of a track that is near, else the
   * newest stream time. Changes no clock.
   */
  dataTime(sourceMs: number): number {
    if (this.#isAbsolute) return sourceMs;
    for (const { hasSource, offsetMs } of [this.#video, this.#audio]) {
      if (!hasSource) continue;
      const streamMs = addU32(sourceMs, offsetMs!);
      if (Math.abs(diffU32(streamMs, this.#nowMs)) <= MAX_DISTANCE_MS) return streamMs;
    }
    return this.#nowMs;
  }

  /**
   * Returns the stream time of a media message with `sourceMs` on its source's clock, both u32.
   *
   * @param arrivalMs When it arrived, in ms of any monotonic clock.
   */
  // HOT: once per media message of a stream; guarded by bench/codec_bench.ts.
  map(track: Track, sourceMs: number, arrivalMs: number): number {
    const clock = this.#clockOf(track);
    clock.stillMs = clock.hasSource && sourceMs === clock.sourceMs
      ? clock.stillMs + Math.min(arrivalMs - clock.arrivalMs, MAX_STILL_GAP_MS)
      : 0;
    const streamMs = this.#isAbsolute ? sourceMs : this.#streamTime(clock, sourceMs, arrivalMs);
    clock.sourceMs = sourceMs;
    clock.arrivalMs = arrivalMs;
    clock.streamMs = streamMs;
    clock.hasSource = true;
    clock.hasTime = true;
    this.#noteNow(clock, streamMs, arrivalMs);
    return streamMs;
  }

  #streamTime(clock: TrackClock, sourceMs: number, arrivalMs: number): number {
    if (!clock.hasSource) return this.#begin(clock, sourceMs);
    if (clock.stillMs > UNSTAMPED_AFTER_MS) return this.#followOther(clock, sourceMs, arrivalMs);
    if (this.#isLeap(clock, sourceMs, arrivalMs)) return this.#correct(clock, sourceMs, arrivalMs);
    return later(addU32(sourceMs, clock.offsetMs!), clock.streamMs);
  }

  /** Maps the first message of the track from this source. */
  #begin(clock: TrackClock, sourceMs: number): number {
    const other = this.#otherOf(clock);
    const offsetMs = this.#offsetForFirst(clock, sourceMs);
    clock.offsetMs = offsetMs ?? diffU32(this.#startFor(sourceMs), sourceMs);
    if (offsetMs === null && other.hasSource) {
      const byMs = diffU32(sourceMs, other.sourceMs);
      this.#onClockChange({ track: clock.track, kind: "apart", byMs });
    }
    const streamMs = addU32(sourceMs, clock.offsetMs);
    return clock.hasTime ? later(streamMs, clock.streamMs) : streamMs;
  }

  /** Returns the known offset, or that of the other track if the two are close; else null. */
  #offsetForFirst(clock: TrackClock, sourceMs: number): number | null {
    if (clock.offsetMs !== null) return clock.offsetMs;
    const other = this.#otherOf(clock);
    if (!other.hasSource) return null;
    const distanceMs = diffU32(addU32(sourceMs, other.offsetMs!), other.streamMs);
    return Math.abs(distanceMs) <= MAX_DISTANCE_MS ? other.offsetMs : null;
  }

  /** Returns the stream time for the first message of a clock, stamped `sourceMs`. */
  #startFor(sourceMs: number): number {
    const isSecondTrack = this.#audio.hasSource || this.#video.hasSource;
    if (isSecondTrack) return this.#nowMs;
    if (this.#hasTime) return addU32(this.#nowMs, FRAME_MS);
    return sourceMs < NEAR_ZERO_MS ? sourceMs : FIRST_MS;
  }

  /** Whether the clock stepped back, or further ahead than time passed. */
  #isLeap(clock: TrackClock, sourceMs: number, arrivalMs: number): boolean {
    if (diffU32(sourceMs, clock.sourceMs) <= -JITTER_MS) return true;
    const streamMs = addU32(sourceMs, clock.offsetMs!);
    const stepMs = diffU32(streamMs, clock.streamMs);
    // Many small steps back: time that stands still may be this far ahead of them.
    if (stepMs < -MAX_DISTANCE_MS - JITTER_MS) return true;
    if (stepMs <= PAUSE_TOLERANCE_MS) return false;
    const leadMs = diffU32(streamMs, Math.trunc(arrivalMs));
    if (stepMs > MAX_STEP_MS) return diffU32(leadMs, this.#leadMs!) > PAUSE_TOLERANCE_MS;
    const isPaced = arrivalMs - clock.pacedSinceMs >= PACED_AFTER_MS;
    const toleranceMs = this.#isExpected(clock, stepMs) ? JITTER_MS : PAUSE_TOLERANCE_MS;
    return isPaced && diffU32(leadMs, clock.leadMs!) > toleranceMs;
  }

  /** Whether the other track just leapt as far: both must be judged alike. */
  #isExpected({ track }: TrackClock, stepMs: number): boolean {
    const leap = this.#leap;
    return leap !== null && leap.track !== track && Math.abs(leap.stepMs - stepMs) <= JITTER_MS;
  }

  /** Takes out a leap: time advances as arrival did, or as the other track did. */
  #correct(clock: TrackClock, sourceMs: number, arrivalMs: number): number {
    const stepMs = diffU32(sourceMs, clock.sourceMs);
    const passedMs = Math.max(FRAME_MS, Math.trunc(arrivalMs - clock.arrivalMs));
    const ownMs = addU32(clock.streamMs, passedMs);
    const sharedMs = this.#sharedTime(clock, sourceMs, stepMs);
    const isShared = sharedMs !== null && Math.abs(diffU32(sharedMs, ownMs)) <= MAX_DISTANCE_MS &&
      diffU32(sharedMs, clock.streamMs) > -MAX_OVERLAP_MS;
    const streamMs = isShared ? sharedMs : ownMs;
    const shiftMs = diffU32(diffU32(streamMs, sourceMs), clock.offsetMs!);
    clock.offsetMs = diffU32(streamMs, sourceMs);
    this.#leap = isShared ? null : { track: clock.track, stepMs, shiftMs };
    this.#onClockChange({ track: clock.track, kind: "leap", byMs: stepMs });
    return later(streamMs, clock.streamMs);
  }

  /** Returns the stream time if this leap is that of the other track, else null. */
  #sharedTime(clock: TrackClock, sourceMs: number, stepMs: number): number | null {
    const leap = this.#leap;
    if (leap === null || leap.track === clock.track) return null;
    if (Math.abs(leap.stepMs - stepMs) > MAX_DISTANCE_MS) return null;
    return addU32(sourceMs, clock.offsetMs! + leap.shiftMs);
  }

  /** Maps a track whose timestamps stand still: to the other track, else by arrival. */
  #followOther(clock: TrackClock, sourceMs: number, arrivalMs: number): number {
    if (!clock.isUnstamped) {
      this.#onClockChange({ track: clock.track, kind: "unstamped", byMs: 0 });
      clock.isUnstamped = true;
    }
    const other = this.#otherOf(clock);
    const isOtherMoving = other.hasSource && other.stillMs <= UNSTAMPED_AFTER_MS &&
      arrivalMs - other.arrivalMs <= UNSTAMPED_AFTER_MS;
    const passedMs = Math.trunc(arrivalMs - clock.arrivalMs);
    const streamMs = isOtherMoving ? other.streamMs : addU32(clock.streamMs, passedMs);
    const movedMs = later(streamMs, clock.streamMs);
    clock.offsetMs = diffU32(movedMs, sourceMs);
    return movedMs;
  }

  #noteNow(clock: TrackClock, streamMs: number, arrivalMs: number): void {
    const isNewest = !this.#hasTime || diffU32(streamMs, this.#nowMs) > 0;
    // An absolute clock may be set back.
    const isSetBack = this.#isAbsolute && diffU32(streamMs, this.#nowMs) < -MAX_DISTANCE_MS;
    if (isNewest || isSetBack) this.#nowMs = streamMs;
    this.#hasTime = true;
    const leadMs = diffU32(streamMs, Math.trunc(arrivalMs));
    if (this.#leadMs === null || diffU32(leadMs, this.#leadMs) > 0) this.#leadMs = leadMs;
    if (clock.leadMs === null || diffU32(leadMs, clock.leadMs) > 0) {
      const gainMs = clock.leadMs === null ? Infinity : diffU32(leadMs, clock.pacedLeadMs);
      clock.leadMs = leadMs;
      if (gainMs <= PACE_DRIFT_MS) return;
      clock.pacedLeadMs = leadMs;
      clock.pacedSinceMs = arrivalMs;
    }
  }

  #resetSource(offsetMs: number | null): void {
    for (const clock of [this.#audio, this.#video]) {
      clock.offsetMs = offsetMs;
      clock.hasSource = false;
      clock.isUnstamped = false;
      clock.leadMs = null;
    }
    this.#leadMs = null;
    this.#leap = null;
  }

  #clockOf(track: Track): TrackClock {
    return track === "audio" ? this.#audio : this.#video;
  }

  #otherOf(clock: TrackClock): TrackClock {
    return clock === this.#audio ? this.#video : this.#audio;
  }
}

function createTrackClock(track: Track): TrackClock {
  return {
    track,
    offsetMs: null,
    hasTime: false,
    streamMs: 0,
    hasSource: false,
    sourceMs: 0,
    arrivalMs: 0,
    stillMs: 0,
    isUnstamped: false,
    leadMs: null,
    pacedLeadMs: 0,
    pacedSinceMs: 0,
  };
}

/** Returns the later of two u32 times. */
function later(a: number, b: number): number {
  return diffU32(a, b) > 0 ? a : b;
}
