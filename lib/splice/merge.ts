import { addU32, diffU32 } from "../base/u32.ts";
import { isFrame } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type DeliveryHistory, fingerprint } from "./delivery_history.ts";
import type { HeldMessage } from "./held_message.ts";
import type { MergeLeg } from "./merge_leg.ts";

/** Options of {@linkcode Merge}. */
interface MergeOptions {
  /** What was delivered; grows with each delivery. */
  readonly history: DeliveryHistory;
  /** Returns the clock of {@linkcode MergeOptions.deliver} in stream time, in ms, for a track. */
  readonly shiftOf: (typeId: number) => number;
  readonly deliver: (typeId: number, timestampMs: number, payload: Uint8Array) => void;
  /** Called with a number of frames (audio frames without video) that neither source had. */
  readonly onLost: (frames: number) => void;
}

/** A frame that waits for what may be missing before it. */
interface HeldFrame extends HeldMessage {
  readonly leg: MergeLeg;
  readonly sinceMs: number;
}

/** How long the other source may take to send what is missing, in ms. */
const HOLD_MS = 200;

/** Most that waits of a track, so that a flood of leaps stays cheap: frames, */
const MAX_HELD_FRAMES = 256;

/** and bytes. */
const MAX_HELD_BYTES = 8 << 20;

/**
 * Delivers a stream from two sources of the same encode: each message when it first arrives, from
 * whichever. Every frame has a number in what was delivered, so what the other source sends later
 * is known, and compared. A source whose next frame is further away than usual may have a hole:
 * the frame is held for up to 200 ms, while the other may fill it; less if too many are held.
 */
export class Merge {
  readonly #options: MergeOptions;
  readonly #legs = new Set<MergeLeg>();
  /** By track, in order of arrival. */
  readonly #held = new Map<number, HeldFrame[]>();
  /** Fingerprints of the newest headers, by track. */
  readonly #headers = new Map<number, number>();
  /** Delivered the newest frame. */
  #lead: MergeLeg | null = null;

  constructor(options: MergeOptions) {
    this.#options = options;
  }

  add(leg: MergeLeg): void {
    this.#legs.add(leg);
    this.#lead ??= leg;
  }

  /** The source has ended. What waits for it to fill a hole is delivered. */
  remove(leg: MergeLeg): void {
    this.#legs.delete(leg);
    if (this.#lead === leg) this.#lead = null;
    for (const [typeId, held] of this.#held) {
      this.#held.set(typeId, held.filter((frame) => frame.leg !== leg));
      this.#release(typeId, () => true);
    }
  }

  /** Takes the next message of one source; `payload` is copied. */
  offer(
    leg: MergeLeg,
    typeId: number,
    timestampMs: number,
    payload: Uint8Array,
    nowMs: number,
  ): void {
    if (typeId === MessageType.DATA_AMF0) {
      if (leg === (this.#lead ?? leg)) this.#deliver(leg, typeId, timestampMs, payload);
      return;
    }
    if (!isFrame(typeId, payload)) return this.#offerHeader(leg, typeId, timestampMs, payload);
    const held = this.#held.get(typeId) ?? [];
    if (!held.some((frame) => frame.leg === leg)) {
      const place = leg.place(typeId, timestampMs, payload);
      if (place === "known") return;
      if (place === "next" || this.#legs.size < 2) {
        if (place === "ahead") this.#countLost(leg, typeId, timestampMs);
        this.#deliver(leg, typeId, timestampMs, payload);
        return this.#release(typeId, () => false);
      }
    }
    held.push({ leg, typeId, timestampMs, payload: payload.slice(), sinceMs: nowMs });
    this.#held.set(typeId, held);
    this.#release(typeId, () => isTooMuch(held));
  }

  /** Delivers what has waited for too long. */
  check(nowMs: number): void {
    for (const typeId of this.#held.keys()) {
      this.#release(typeId, ({ sinceMs }) => nowMs - sinceMs >= HOLD_MS);
    }
  }

  /** Delivers held frames that are next, or whose wait is over. */
  #release(typeId: number, isOver: (frame: HeldFrame) => boolean): void {
    const held = this.#held.get(typeId) ?? [];
    while (held.length > 0) {
      const firsts = [...this.#legs]
        .map((leg) => held.find((frame) => frame.leg === leg))
        .filter((frame) => frame !== undefined);
      const known = firsts.find(({ leg, timestampMs, payload }) =>
        leg.place(typeId, timestampMs, payload) === "known"
      );
      if (known !== undefined) {
        held.splice(held.indexOf(known), 1);
        continue;
      }
      const first = firsts.toSorted((one, other) =>
        diffU32(
          one.leg.streamMs(typeId, one.timestampMs),
          other.leg.streamMs(typeId, other.timestampMs),
        )
      )[0];
      if (first === undefined) return void held.splice(0);
      const { leg, timestampMs, payload } = first;
      const isNext = leg.place(typeId, timestampMs, payload) === "next";
      // Both sources wait: neither has what is missing.
      if (!isNext && firsts.length < 2 && !isOver(first)) return;
      if (!isNext) this.#countLost(leg, typeId, timestampMs);
      held.splice(held.indexOf(first), 1);
      this.#deliver(leg, typeId, timestampMs, payload);
    }
  }

  /** The headers of a source that is behind were delivered with the frames they belong to. */
  #offerHeader(
    leg: MergeLeg,
    typeId: number,
    timestampMs: number,
    payload: Uint8Array,
  ): void {
    const hash = fingerprint(payload);
    const newest = this.#headers.get(typeId);
    const isKnown = newest === undefined
      ? this.#options.history.headers.has(hash, payload.length)
      : newest === hash;
    if (isKnown || !leg.isAtHead(typeId)) return;
    this.#headers.set(typeId, hash);
    this.#deliver(leg, typeId, timestampMs, payload);
  }

  #countLost(leg: MergeLeg, typeId: number, timestampMs: number): void {
    const { video } = this.#options.history;
    if (typeId === MessageType.VIDEO || video.end === 0) {
      const frames = leg.missingBefore(typeId, timestampMs);
      if (frames > 0) this.#options.onLost(frames);
    }
  }

  #deliver(leg: MergeLeg, typeId: number, timestampMs: number, payload: Uint8Array): void {
    const { shiftOf, deliver } = this.#options;
    const track = typeId === MessageType.DATA_AMF0 ? MessageType.VIDEO : typeId;
    const streamMs = leg.streamMs(track, timestampMs);
    if (isFrame(typeId, payload) && typeId !== MessageType.DATA_AMF0) {
      leg.delivered(typeId);
      this.#lead = leg;
    }
    deliver(typeId, addU32(streamMs, -shiftOf(track)), payload);
  }
}

function isTooMuch(held: readonly HeldFrame[]): boolean {
  if (held.length > MAX_HELD_FRAMES) return true;
  return held.reduce((bytes, { payload }) => bytes + payload.length, 0) > MAX_HELD_BYTES;
}
