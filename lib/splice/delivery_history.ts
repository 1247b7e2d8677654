import { addU32, diffU32 } from "../base/u32.ts";
import { classifyVideo, isFrame, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";

/** Messages remembered per track: 8 s at 60 video frames a second. */
const CAPACITY = 512;

/**
 * Bytes hashed per message: all at its beginning, where frames of a still scene differ if anywhere,
 * and a sample of the rest in words, evenly spread. So a large video frame costs no more than a
 * small one.
 */
const HEAD_BYTES = 64;
const SAMPLE_WORDS = 16;
const WORD_BYTES = 4;

const FNV_BASIS = 0x811C9DC5;
const FNV_PRIME = 0x01000193;

/**
 * Returns FNV-1a (u32) over words of a sample of the payload. Equal fingerprint and length count as
 * equal.
 */
// HOT: once per message of a stream; guarded by bench/codec_bench.ts.
export function fingerprint(payload: Uint8Array): number {
  const { length } = payload;
  const rest = Math.floor((length - HEAD_BYTES) / SAMPLE_WORDS);
  const step = Math.max(WORD_BYTES, rest);
  let hash = FNV_BASIS;
  let before = FNV_BASIS;
  let at = 0;
  // Multiplications wait for each other: there is one per word, and two take turns.
  for (; at + WORD_BYTES <= length; at += at < HEAD_BYTES ? WORD_BYTES : step) {
    const word = payload[at]! | payload[at + 1]! << 8 | payload[at + 2]! << 16 |
      payload[at + 3]! << 24;
    const product = Math.imul(before ^ word, FNV_PRIME);
    before = hash;
    // The product's low bits depend on low bits only.
    hash = product ^ product >>> 15;
  }
  hash ^= Math.imul(before, FNV_PRIME);
  for (; at < length; at++) hash = Math.imul(hash ^ payload[at]!, FNV_PRIME);
  return hash >>> 0;
}

/**
 * A source that falls behind is taken for the pace of the stream after this many times as long:
 * otherwise the encoder's clock, which is never exact, would.
 */
const PACE_MEMORY = 16;

/** Room for messages at first: a track of headers never needs more. */
const FIRST_CAPACITY = 16;

/** Numbers per message: its fingerprint, length and time. Together, so that a note is cheap. */
const FIELDS = 3;

/** The newest messages of one track, numbered from 0 on. */
export class TrackHistory {
  #notes = new Uint32Array(FIRST_CAPACITY * FIELDS);
  #end = 0;
  /** A message that was early for its time, */
  #earlyMs = 0;
  /** and when it was delivered. */
  #earlyAtMs = 0;

  /** Number of the oldest remembered message. */
  get start(): number {
    return Math.max(0, this.#end - CAPACITY);
  }

  /** Number of the next message. */
  get end(): number {
    return this.#end;
  }

  /** Remembers a message, its stream time, in ms, and when it was delivered. */
  note(streamMs: number, payload: Uint8Array, nowMs: number): void {
    const passedMs = nowMs - this.#earlyAtMs;
    const gainedMs = diffU32(streamMs, this.#earlyMs) - passedMs;
    if (this.#end === 0 || gainedMs >= -passedMs / PACE_MEMORY) {
      this.#earlyMs = streamMs;
      this.#earlyAtMs = nowMs;
    }
    if (this.#end * FIELDS === this.#notes.length && this.#end < CAPACITY) this.#grow();
    const at = fieldsAt(this.#end++);
    this.#notes[at] = fingerprint(payload);
    this.#notes[at + 1] = payload.length;
    this.#notes[at + 2] = streamMs;
  }

  /** Returns the stream time, in ms, of message `number`, which must be remembered. */
  timeOf(number: number): number {
    return this.#notes[fieldsAt(number) + 2]!;
  }

  /** Returns the stream time, in ms, that a live source has reached at `nowMs`. */
  expectedMs(nowMs: number): number {
    return addU32(this.#earlyMs, Math.round(nowMs - this.#earlyAtMs));
  }

  /** Returns whether message `number` is remembered and has these properties. */
  matches(number: number, hash: number, length: number): boolean {
    if (number < this.start || number >= this.#end) return false;
    const at = fieldsAt(number);
    return this.#notes[at] === hash && this.#notes[at + 1] === length;
  }

  /** Returns whether a message with these properties is remembered. */
  has(hash: number, length: number): boolean {
    return this.find(hash, length).length > 0;
  }

  /** Nothing was overwritten yet, so every message keeps its slot. */
  #grow(): void {
    const larger = new Uint32Array(Math.min(4 * this.#notes.length, CAPACITY * FIELDS));
    larger.set(this.#notes);
    this.#notes = larger;
  }

  /** Returns the numbers of the messages with these properties, oldest first. */
  find(hash: number, length: number): number[] {
    const found: number[] = [];
    for (let number = this.start; number < this.#end; number++) {
      if (this.matches(number, hash, length)) found.push(number);
    }
    return found;
  }
}

/** Returns the index of the first field of message `number`. */
function fieldsAt(number: number): number {
  return number % CAPACITY * FIELDS;
}

/**
 * What a stream delivered lately, as fingerprints: enough to recognise the same messages when
 * another origin sends them again.
 */
export class DeliveryHistory {
  /** Video frames. */
  readonly video = new TrackHistory();
  /** Audio frames. */
  readonly audio = new TrackHistory();
  /** Sequence headers and other audio and video messages that are not frames. */
  readonly headers = new TrackHistory();
  /** Stream time of the newest keyframe; null before the first. */
  #keyframeMs: number | null = null;
  #gopMs = 0;

  /** When the newest message was delivered. */
  #newestAtMs = 0;

  /** How long nothing was delivered, in ms. */
  silenceMs(nowMs: number): number {
    return nowMs - this.#newestAtMs;
  }

  /** The longest time between two keyframes, in ms; 0 when unknown. */
  get gopMs(): number {
    return this.#gopMs;
  }

  /** Time between two video frames (audio frames without video), in ms; 0 when unknown. */
  get frameMs(): number {
    const { end, start } = this.#main;
    return end - start < 2 ? 0 : this.spanMs / (end - start - 1);
  }

  /** Time from the oldest to the newest remembered frame, in ms. */
  get spanMs(): number {
    const track = this.#main;
    return track.end === 0 ? 0 : diffU32(track.timeOf(track.end - 1), track.timeOf(track.start));
  }

  /** Video, or audio of a stream without video. */
  get #main(): TrackHistory {
    return this.video.end > 0 ? this.video : this.audio;
  }

  /** Returns whether nothing as late as stream time `streamMs` was delivered. */
  isAhead(streamMs: number): boolean {
    const track = this.#main;
    return track.end > 0 && diffU32(streamMs, track.timeOf(track.end - 1)) > 0;
  }

  /**
   * Remembers an audio or video message, its stream time, in ms, and when it was delivered; ignores
   * data.
   */
  note(typeId: number, streamMs: number, payload: Uint8Array, nowMs: number): void {
    if (typeId !== MessageType.VIDEO && typeId !== MessageType.AUDIO) return;
    this.#newestAtMs = nowMs;
    this.#trackOf(typeId, payload).note(streamMs, payload, nowMs);
    if (typeId === MessageType.VIDEO) this.#noteKeyframe(streamMs, payload);
  }

  #noteKeyframe(streamMs: number, payload: Uint8Array): void {
    if (classifyVideo(payload) !== VideoKind.keyframe) return;
    const before = this.#keyframeMs;
    if (before !== null) this.#gopMs = Math.max(this.#gopMs, diffU32(streamMs, before));
    this.#keyframeMs = streamMs;
  }

  #trackOf(typeId: number, payload: Uint8Array): TrackHistory {
    if (!isFrame(typeId, payload)) return this.headers;
    return typeId === MessageType.VIDEO ? this.video : this.audio;
  }
}
