/**
 * Joins what a new origin sends to what the one before delivered. Where both carry the same encode, the
 * stream goes on with the very next message: nothing lost as far as the new origin's GOP cache reaches
 * back, nothing doubled. Otherwise it begins anew at a keyframe, and only time goes on.
 *
 * Pure: messages go in, what to deliver comes out. A new origin begins with its GOP cache, so its first
 * pictures were delivered before, as a rule. They are looked up among the fingerprints of what was
 * delivered; a match must hold for several pictures in a row, because pictures of a still scene and
 * sounds of silence are all alike.
 */

import { addU32, diffU32 } from "../base/u32.ts";
import { classifyVideo, VideoKind } from "../media/flv_tag.ts";
import type { TimePair } from "../hub/timeline.ts";
import { isMetadata } from "../media/metadata.ts";
import { MessageType } from "../rtmp/constants.ts";
import { DeliveryHistory, fingerprint, isFrame, type TrackHistory } from "./delivery_history.ts";

/** A message that was held; its payload is a copy. */
export interface HeldMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** What to do with what the new origin has sent so far. */
export type SpliceDecision =
  /** More is needed; the message is kept. */
  | { readonly type: "hold" }
  /** The same encode: `held` goes on where the last origin stopped, on this clock. */
  | { readonly type: "continue"; readonly align: TimePair; readonly held: readonly HeldMessage[] }
  /** Another encode: `held` begins with headers and a keyframe. */
  | { readonly type: "restart"; readonly held: readonly HeldMessage[] };

/** How a track is recognised. */
interface MatchRule {
  readonly typeId: number;
  /** One message of the run must have so many bytes: small ones are all alike. */
  readonly minBytes: number;
  /** Messages in a row that must be the same. */
  readonly run: number;
  /** Messages after which the newest of several places that still fit is taken. */
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

/** A match is sought in so much of the new origin's stream, in ms: a GOP cache comes all at once. */
const MAX_SEARCH_MS = 1_000;

/**
 * A new origin is behind the one before by less than this, in ms. One that sends for longer what was
 * delivered before does not carry the same broadcast: its publisher began the same material again.
 */
const MAX_BEHIND_MS = 2_000;

/**
 * After a longer silence, in ms, an origin that is behind has passed what was delivered, so that only its
 * GOP cache, which comes all at once, can bring that again.
 */
const LONG_SILENCE_MS = 2 * MAX_BEHIND_MS;

/** How long a GOP cache may take to come, in ms. */
const MAX_CACHE_MS = 250;

/** More than this is not held: then the stream begins anew. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;

const HOLD: SpliceDecision = { type: "hold" };

/** See the file comment. One per new origin. */
export class Splice {
  readonly #history: DeliveryHistory;
  readonly #rule: MatchRule;
  readonly #track: TrackHistory;
  #held: HeldMessage[] = [];
  #heldBytes = 0;
  /** Time of the first message that is looked up, on the new origin's clock. */
  #anchorMs = 0;
  /** Messages of the track since and with the anchor; 0 before it. */
  #run = 0;
  /** Bytes of the largest of them. */
  #largestBytes = 0;
  /** Numbers of delivered messages that the anchor may be. */
  #candidates: number[] = [];
  #isRestarting = false;

  /** @param isAnew Compares nothing: the stream begins anew at the next keyframe. */
  constructor(history: DeliveryHistory, isAnew = false) {
    this.#history = history;
    const hasVideo = history.video.end > 0;
    this.#rule = hasVideo ? VIDEO_RULE : AUDIO_RULE;
    this.#track = hasVideo ? history.video : history.audio;
    this.#isRestarting = isAnew || this.#track.end === 0;
  }

  /** Takes the next message; `payload` is copied. Not to be called after a decision other than `hold`. */
  offer(typeId: number, timestampMs: number, payload: Uint8Array): SpliceDecision {
    if (this.#isRestarting) return this.#awaitKeyframe(typeId, timestampMs, payload);
    this.#hold(typeId, timestampMs, payload);
    if (this.#heldBytes > MAX_HELD_BYTES) return this.#restart();
    if (typeId !== this.#rule.typeId || !isFrame(typeId, payload)) return HOLD;
    if (this.#run === 0) {
      this.#anchorMs = timestampMs;
      this.#candidates = this.#track.find(fingerprint(payload), payload.length);
    } else {
      this.#narrow(payload);
    }
    this.#run++;
    this.#largestBytes = Math.max(this.#largestBytes, payload.length);
    return this.#decide(timestampMs);
  }

  #narrow(payload: Uint8Array): void {
    const hash = fingerprint(payload);
    this.#candidates = this.#candidates.filter((first) => {
      const index = first + this.#run;
      return index >= this.#track.end || this.#track.matches(index, hash, payload.length);
    });
  }

  #decide(nowMs: number): SpliceDecision {
    const newest = this.#candidates.at(-1);
    if (newest === undefined) return this.#restart();
    const { run, maxRun, minBytes } = this.#rule;
    const isSizeable = this.#largestBytes >= minBytes;
    const isOver = this.#run >= maxRun || diffU32(nowMs, this.#anchorMs) >= MAX_SEARCH_MS;
    if (!isSizeable && isOver) return this.#restart();
    // Nothing more can be compared once the run has come to the newest delivered message.
    const isAtEnd = newest + this.#run >= this.#track.end;
    const isProven = isSizeable && this.#candidates.length === 1 && (this.#run >= run || isAtEnd);
    if (!isProven && !isOver) return HOLD;
    const align = { sourceMs: this.#anchorMs, streamMs: this.#track.timeOf(newest) };
    return { type: "continue", align, held: this.#held };
  }

  /** Not the same encode: what is held up to now is of use only from its newest keyframe on. */
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
    // Sound alone begins anywhere, once no picture is to be expected.
    const isSound = typeId === MessageType.AUDIO && this.#history.video.end === 0;
    if (isKeyframe || (isSound && isFrame(typeId, payload))) {
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

/** Where the stream can begin anew among messages that have come: `take` is asked about one after the other. */
function restartWithin(
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

/** What a new origin has for the players, once it has something new. */
export interface Joined {
  /** Its clock in stream time when it carries the same encode, null when the stream begins anew. */
  readonly align: TimePair | null;
  /** To be delivered now; what comes later goes through {@linkcode Joiner.isNew}. */
  readonly messages: readonly HeldMessage[];
}

/** Joins one new origin: decides by a {@linkcode Splice}, then waits for what was not delivered yet. */
export class Joiner {
  readonly #history: DeliveryHistory;
  #splice: Splice;
  #align: TimePair | null = null;
  #catchUp: CatchUp | null = null;
  #alignedAtMs = 0;
  readonly #deliveredAtMs: number;
  readonly #passed = new PassedGop();

  /** @param deliveredAtMs When the newest message of `history` was delivered. */
  constructor(history: DeliveryHistory, deliveredAtMs: number) {
    this.#history = history;
    this.#deliveredAtMs = deliveredAtMs;
    this.#splice = new Splice(history);
  }

  /**
   * Takes the next message; `payload` is copied. @returns null until there is something to deliver.
   *
   * @param nowMs When it came.
   */
  offer(typeId: number, timestampMs: number, payload: Uint8Array, nowMs: number): Joined | null {
    if (this.#catchUp !== null) {
      if (this.#catchUp.isNew(typeId, timestampMs, payload)) {
        const message = { typeId, timestampMs, payload: payload.slice() };
        return { align: this.#align, messages: [message] };
      }
      this.#passed.note(typeId, timestampMs, payload);
      return nowMs - this.#alignedAtMs < this.#maxBehindMs() ? null : this.#beginAnew();
    }
    const decision = this.#splice.offer(typeId, timestampMs, payload);
    if (decision.type === "hold") return null;
    if (decision.type === "restart") return { align: null, messages: decision.held };
    const catchUp = new CatchUp(this.#history, decision.align);
    this.#align = decision.align;
    this.#alignedAtMs = nowMs;
    this.#catchUp = catchUp;
    const messages = decision.held.filter((held) =>
      catchUp.isNew(held.typeId, held.timestampMs, held.payload)
    );
    if (messages.length > 0) return { align: decision.align, messages };
    for (const held of decision.held) {
      this.#passed.note(held.typeId, held.timestampMs, held.payload);
    }
    return null;
  }

  /** Whether a message after those of {@linkcode Joined} was not delivered before. */
  isNew(typeId: number, timestampMs: number, payload: Uint8Array): boolean {
    return this.#catchUp === null || this.#catchUp.isNew(typeId, timestampMs, payload);
  }

  /** All that comes from now on is new. */
  get isDone(): boolean {
    return this.#catchUp === null || this.#catchUp.isDone;
  }

  #maxBehindMs(): number {
    const silenceMs = this.#alignedAtMs - this.#deliveredAtMs;
    return silenceMs < LONG_SILENCE_MS ? MAX_BEHIND_MS : MAX_CACHE_MS;
  }

  /** Not the same broadcast: it begins with the newest keyframe that came, or else with the next. */
  #beginAnew(): Joined | null {
    this.#catchUp = null;
    this.#align = null;
    const splice = new Splice(this.#history, true);
    this.#splice = splice;
    const decision = restartWithin(this.#passed.messages, (...message) => splice.offer(...message));
    return decision.type === "restart" ? { align: null, messages: decision.held } : null;
  }
}

/** What a stream can begin with that came while another was caught up with: headers, and the newest GOP. */
class PassedGop {
  #messages: HeldMessage[] = [];
  #bytes = 0;

  /** Oldest first. */
  get messages(): readonly HeldMessage[] {
    return this.#messages;
  }

  /** Takes the next message; `payload` is copied. */
  note(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const isKeyframe = typeId === MessageType.VIDEO &&
      classifyVideo(payload) === VideoKind.keyframe;
    if (isKeyframe || this.#bytes > MAX_HELD_BYTES) this.#dropFrames();
    this.#messages.push({ typeId, timestampMs, payload: payload.slice() });
    this.#bytes += payload.length;
  }

  #dropFrames(): void {
    this.#messages = this.#messages.filter(({ typeId, payload }) => !isFrame(typeId, payload));
    this.#bytes = this.#messages.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}

/**
 * Lets pass what was not delivered yet, after a `continue`. Each track goes on after its newest delivered
 * message; from its first new one on, all of the track is new.
 */
export class CatchUp {
  /** When the new origin begins, in stream time. */
  readonly #beginMs: number;
  readonly #shiftMs: number;
  readonly #video: TrackCatchUp;
  readonly #audio: TrackCatchUp;
  readonly #headers: TrackHistory;

  constructor(history: DeliveryHistory, align: TimePair) {
    this.#beginMs = align.streamMs;
    this.#shiftMs = diffU32(align.streamMs, align.sourceMs);
    this.#video = new TrackCatchUp(history.video);
    this.#audio = new TrackCatchUp(history.audio);
    this.#headers = history.headers;
  }

  /** Both tracks have passed something new: there is nothing left to decide. */
  get isDone(): boolean {
    return this.#video.isDone && this.#audio.isDone;
  }

  /** Whether the message was not delivered before. */
  isNew(typeId: number, timestampMs: number, payload: Uint8Array): boolean {
    // Metadata is of the same encode; other data, which is rare, is better doubled than lost.
    if (typeId === MessageType.DATA_AMF0) return !isMetadata(payload);
    const streamMs = addU32(timestampMs, this.#shiftMs);
    const track = typeId === MessageType.VIDEO ? this.#video : this.#audio;
    if (isFrame(typeId, payload)) return track.isNew(streamMs, payload);
    return track.isPast(streamMs) && this.#isHeaderSince(streamMs, payload) ||
      !this.#headers.has(fingerprint(payload), payload.length);
  }

  /**
   * Whether a header that was delivered comes back later in the stream, as when an encode changes its
   * resolution and changes it back. Those with which the new origin begins do not.
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
  /** The messages that were delivered before the splice end here. */
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

  /** Whether a message at `streamMs` comes after all that was delivered before the splice. */
  isPast(streamMs: number): boolean {
    if (this.#end === 0) return false;
    return this.isDone || diffU32(streamMs, this.#track.timeOf(this.#end - 1)) > 0;
  }

  /** Several messages may share one time: slices of a picture. */
  #isKnownAt(streamMs: number, payload: Uint8Array): boolean {
    const hash = fingerprint(payload);
    for (let number = this.#end - 1; number >= this.#track.start; number--) {
      if (this.#track.timeOf(number) !== streamMs) return false;
      if (this.#track.matches(number, hash, payload.length)) return true;
    }
    return false;
  }
}
