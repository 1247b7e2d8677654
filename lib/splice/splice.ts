import { addU32, diffU32 } from "../base/u32.ts";
import type { TimePair } from "../hub/timeline.ts";
import { classifyVideo, isFrame, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type DeliveryHistory, fingerprint, type TrackHistory } from "./delivery_history.ts";
import { type HeldMessage, MAX_HELD_BYTES } from "./held_message.ts";
import type { SourcePace } from "./source_pace.ts";

/** What to do with what the new origin has sent so far. */
export type SpliceDecision =
  /** More is needed; the message is kept. */
  | { readonly type: "hold" }
  /** The same encode: `held` begins at or before where the last origin stopped, on this clock. */
  | { readonly type: "continue"; readonly align: TimePair; readonly held: readonly HeldMessage[] }
  /** Another encode: `held` begins with headers and a keyframe. */
  | { readonly type: "restart"; readonly held: readonly HeldMessage[] };

/** How a track is recognised. */
interface MatchRule {
  readonly typeId: number;
  /** One message of the run must have this many bytes: small ones are all alike. */
  readonly minBytes: number;
  /** Messages in a row that must match. */
  readonly run: number;
  /** Messages after which no more are compared: several places that match are a repetition. */
  readonly maxRun: number;
}

const VIDEO_RULE: MatchRule = {
  typeId: MessageType.VIDEO,
  minBytes: 200,
  run: 3,
  maxRun: 30,
};
const AUDIO_RULE: MatchRule = {
  typeId: MessageType.AUDIO,
  minBytes: 8,
  run: 12,
  maxRun: 100,
};

/**
 * A match is sought in this much of the new origin's stream, in ms: a GOP cache arrives at once.
 */
const MAX_SEARCH_MS = 1_000;

/**
 * How long it may take, in ms, until it is known which of several places fits the clock, or that
 * the source begins before all that is remembered: as long as a GOP cache takes.
 */
const MAX_WAIT_MS = 250;

/** Places at least this far apart, in ms, are told apart by the clock alone. */
const CLEAR_STEP_MS = 1_000;

/** How far ahead of the last origin the new one may be, in ms. */
const MAX_AHEAD_MS = 500;

const HOLD: SpliceDecision = { type: "hold" };

/**
 * Finds where a new origin's stream continues what was delivered. Where both origins carry the same
 * encode, the stream continues with the very next message: nothing is lost as far as the new
 * origin's GOP cache reaches back, and nothing doubled. Otherwise it restarts at a keyframe.
 *
 * A new origin begins with its GOP cache, so its first frames were usually delivered before. They
 * are looked up among the fingerprints of what was delivered. Several frames in a row must match,
 * because video frames of a still scene and audio frames of silence are all alike. In a file that
 * is repeated, every run of frames occurs more than once: there the clock decides, see
 * {@linkcode SourcePace}.
 *
 * Pure: messages go in, decisions come out. One per new origin.
 *
 * ```
 *               candidates left, not proven
 *                     ┌──────┐
 *                     ▼      │
 * same encode? ──► comparing ┴──── proven ────► continue
 *                     │
 *                     │ no candidate left, or too much held
 *                     ▼
 *                 restarting ── a keyframe ───► restart
 *                     ▲      │
 *                     └──────┘ none yet: only headers are held
 * ```
 */
export class Splice {
  readonly #history: DeliveryHistory;
  readonly #pace: SourcePace;
  readonly #rule: MatchRule;
  readonly #track: TrackHistory;
  #held: HeldMessage[] = [];
  #heldBytes = 0;
  /** Time of the first message that is looked up, on the new origin's clock. */
  #anchorMs = 0;
  /** Messages of the track from the anchor on; 0 before it. */
  #run = 0;
  /** Bytes of the largest of them. */
  #largestBytes = 0;
  /** Numbers of delivered messages that the anchor may be. */
  #candidates: number[] = [];
  #isUnmatched = false;
  #isRestarting = false;
  /** Time of the first audio frame while no video frame has arrived; else null. */
  #audioOnlyMs: number | null = null;
  #hasVideo = false;

  /**
   * @param pace has noted every message before it is offered
   * @param mustRestart compares nothing: the stream restarts at the next keyframe
   */
  constructor(history: DeliveryHistory, pace: SourcePace, mustRestart = false) {
    this.#history = history;
    this.#pace = pace;
    const hasVideo = history.video.end > 0;
    this.#rule = hasVideo ? VIDEO_RULE : AUDIO_RULE;
    this.#track = hasVideo ? history.video : history.audio;
    this.#isRestarting = mustRestart || this.#track.end === 0;
  }

  /** No frame has matched so far, but one was looked up. */
  get isUnmatched(): boolean {
    return this.#isUnmatched;
  }

  /**
   * Takes the next message; `payload` is copied. Not to be called after a decision other than
   * `hold`.
   */
  offer(typeId: number, timestampMs: number, payload: Uint8Array): SpliceDecision {
    this.#noteTrack(typeId, timestampMs, payload);
    if (this.#isRestarting) return this.#awaitKeyframe(typeId, timestampMs, payload);
    this.#hold(typeId, timestampMs, payload);
    if (this.#heldBytes > MAX_HELD_BYTES) return this.#restart();
    if (this.#isAudioOnly(timestampMs)) return { type: "restart", held: this.#held };
    if (typeId !== this.#rule.typeId || !isFrame(typeId, payload)) return HOLD;
    if (this.#run === 0) {
      this.#anchorMs = timestampMs;
      this.#candidates = this.#track.find(fingerprint(payload), payload.length);
      this.#isUnmatched = this.#candidates.length === 0;
      if (this.#isUnmatched && this.#mayPrecede()) return HOLD;
    } else {
      this.#narrow(payload);
    }
    this.#run++;
    this.#largestBytes = Math.max(this.#largestBytes, payload.length);
    return this.#decide(timestampMs);
  }

  #noteTrack(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (this.#hasVideo || !isFrame(typeId, payload)) return;
    if (typeId === MessageType.AUDIO) this.#audioOnlyMs ??= timestampMs;
    if (typeId === MessageType.VIDEO) [this.#hasVideo, this.#audioOnlyMs] = [true, null];
  }

  /** The source has no video, though the one before had: no keyframe is waited for. */
  #isAudioOnly(nowMs: number): boolean {
    const sinceMs = this.#audioOnlyMs;
    if (sinceMs === null || this.#rule !== VIDEO_RULE) return false;
    return diffU32(nowMs, sinceMs) >= MAX_SEARCH_MS;
  }

  #narrow(payload: Uint8Array): void {
    const hash = fingerprint(payload);
    this.#candidates = this.#candidates.filter((first) => {
      const index = first + this.#run;
      return index >= this.#track.end || this.#track.matches(index, hash, payload.length);
    });
  }

  /**
   * A push may begin before all that is remembered, because the stream has just begun here. Then it
   * comes to what is remembered while it sends what it repeats.
   */
  #mayPrecede(): boolean {
    return this.#track.start === 0 && this.#pace.mayBeginEarlier &&
      this.#pace.spentMs < MAX_WAIT_MS;
  }

  #decide(timestampMs: number): SpliceDecision {
    const newest = this.#candidates.at(-1);
    if (newest === undefined) return this.#restart();
    const { run, maxRun, minBytes } = this.#rule;
    const isSizeable = this.#largestBytes >= minBytes;
    const isOver = this.#run >= maxRun || diffU32(timestampMs, this.#anchorMs) >= MAX_SEARCH_MS;
    if (!isSizeable) return isOver ? this.#restart() : HOLD;
    if (this.#candidates.length > 1) return this.#choose(isOver);
    // Nothing more can be compared once the run has reached the newest delivered message.
    const isAtEnd = newest + this.#run >= this.#track.end;
    return this.#run >= run || isAtEnd || isOver
      ? this.#continueAt(this.#track.timeOf(newest))
      : HOLD;
  }

  /** Takes the place that fits the clock, once the clock can tell. */
  #choose(isOver: boolean): SpliceDecision {
    const times = this.#candidates.map((number) => this.#track.timeOf(number));
    const stepMs = diffU32(times.at(-1)!, times.at(-2)!);
    const isClear = this.#run >= this.#rule.run && stepMs >= CLEAR_STEP_MS;
    const isKnown = this.#pace.restMs < stepMs / 2 && (isClear || isOver);
    if (!isKnown && !(isOver && this.#pace.spentMs >= MAX_WAIT_MS)) return HOLD;
    // The source may be at the next repetition already, which was not delivered yet.
    const [before, newest] = this.#candidates.slice(-2);
    if (2 * newest! - before! >= this.#track.end) times.push(addU32(times.at(-1)!, stepMs));
    // At its place the source may be behind the clock: more of its cache may follow, and it may be
    // late. At a later place it is ahead of the clock by most of a step.
    const mostAheadMs = Math.min(stepMs / 2, Math.max(MAX_AHEAD_MS, stepMs / 4));
    const fitting = times.findLast((streamMs) =>
      this.#pace.lagMs({ sourceMs: this.#anchorMs, streamMs }) >= -mostAheadMs
    );
    return this.#continueAt(fitting ?? times[0]!);
  }

  #continueAt(streamMs: number): SpliceDecision {
    return { type: "continue", align: { sourceMs: this.#anchorMs, streamMs }, held: this.#held };
  }

  /** Another encode: what is held so far is of use only from its newest keyframe on. */
  #restart(): SpliceDecision {
    this.#isRestarting = true;
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    return restartWithin(held, (...message) => this.#awaitKeyframe(...message));
  }

  #awaitKeyframe(typeId: number, timestampMs: number, payload: Uint8Array): SpliceDecision {
    const isVideo = typeId === MessageType.VIDEO;
    const isKeyframe = isVideo && classifyVideo(payload) === VideoKind.keyframe;
    // A stream without video restarts at any audio frame.
    const isAudioStart = typeId === MessageType.AUDIO &&
      (this.#history.video.end === 0 || this.#isAudioOnly(timestampMs));
    if (isKeyframe || (isAudioStart && isFrame(typeId, payload))) {
      this.#hold(typeId, timestampMs, payload);
      return { type: "restart", held: this.#held };
    }
    if (isFrame(typeId, payload) || this.#heldBytes > MAX_HELD_BYTES) return HOLD;
    this.#hold(typeId, timestampMs, payload);
    return HOLD;
  }

  #hold(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#held.push({ typeId, timestampMs, payload: payload.slice() });
    this.#heldBytes += payload.length;
  }
}

/**
 * Returns where the stream can restart within `messages`: `take` decides about one after the other.
 */
export function restartWithin(
  messages: readonly HeldMessage[],
  take: (typeId: number, timestampMs: number, payload: Uint8Array) => SpliceDecision,
): SpliceDecision {
  for (const [index, { typeId, timestampMs, payload }] of messages.entries()) {
    const decision = take(typeId, timestampMs, payload);
    if (decision.type !== "restart") continue;
    return { type: "restart", held: [...decision.held, ...messages.slice(index + 1)] };
  }
  return HOLD;
}
