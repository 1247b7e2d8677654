/**
 * What becomes of a stream's upstream, written down as it happens: the log tells each switch in a line, the
 * API shows the newest state, the metrics add everything up.
 */

import type { Clock } from "../base/clock.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { UpstreamSnapshot, UpstreamTotals } from "./upstream_snapshot.ts";

/** A stream went on with another connection, or with the same origin anew. */
export interface UpstreamSwitch {
  readonly to: OriginAddress;
  /**
   * `spliced`: with the very next frame. `restarted`: at a keyframe of another encode. `resumed`: a push,
   * from the keyframe before what the origin before has acknowledged.
   */
  readonly how: "spliced" | "restarted" | "resumed";
  /** How long nothing could be delivered, in ms. */
  readonly silenceMs: number;
  /** Pictures (sounds, without pictures) that players never got. After `restarted` an estimate by time. */
  readonly lostFrames: number;
  /** Pictures (or sounds) that players got twice. */
  readonly doubledFrames: number;
  /** Bytes of a push that no origin acknowledged and that were not kept for the next. */
  readonly lostBytes: number;
}

/** Totals of a vhost that has done nothing yet. */
export function createUpstreamTotals(): UpstreamTotals {
  return {
    attempts: 0,
    failures: 0,
    spliced: 0,
    restarted: 0,
    resumed: 0,
    silenceMs: 0,
    lostFrames: 0,
    doubledFrames: 0,
    lostBytes: 0,
  };
}

/** See the file comment. One per pull and push. */
export class UpstreamReport {
  readonly #kind: "pull" | "push";
  readonly #totals: UpstreamTotals;
  readonly #clock: Clock;
  #state: "connecting" | "live" = "connecting";
  #sinceMs: number;
  #origin: OriginAddress | null = null;
  #attempts = 0;
  #switches = 0;
  #lastError = "";
  #lastSilenceMs = 0;
  #lostFrames = 0;
  #doubledFrames = 0;
  #lostBytes = 0;

  constructor(kind: "pull" | "push", totals: UpstreamTotals, clock: Clock) {
    this.#kind = kind;
    this.#totals = totals;
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  /** `origin` is dialled; while another one is live, that one stays the origin. */
  attempted(origin: OriginAddress): void {
    this.#attempts++;
    this.#totals.attempts++;
    if (this.#state === "connecting") this.#origin = origin;
  }

  /** An origin failed, or was lost. */
  failed(reason: string): void {
    this.#totals.failures++;
    this.#lastError = reason;
  }

  /** The stream flows from or to `origin`. */
  live(origin: OriginAddress): void {
    this.#origin = origin;
    this.#enter("live");
  }

  /** The stream flows again, from or to another origin than before, or the same. */
  switched(details: UpstreamSwitch): void {
    const { to, how, silenceMs, lostFrames, doubledFrames, lostBytes } = details;
    this.live(to);
    this.#switches++;
    this.#lastSilenceMs = silenceMs;
    this.#lostFrames += lostFrames;
    this.#doubledFrames += doubledFrames;
    this.#lostBytes += lostBytes;
    this.#totals[how]++;
    this.#totals.silenceMs += silenceMs;
    this.#totals.lostFrames += lostFrames;
    this.#totals.doubledFrames += doubledFrames;
    this.#totals.lostBytes += lostBytes;
  }

  /** Nothing is connected. */
  lost(): void {
    this.#enter("connecting");
  }

  /** How it stands now. */
  snapshot(): UpstreamSnapshot {
    return {
      kind: this.#kind,
      state: this.#state,
      origin: this.#origin === null ? "" : formatAddress(this.#origin),
      sinceMs: Math.round(this.#clock.now() - this.#sinceMs),
      attempts: this.#attempts,
      switches: this.#switches,
      lastError: this.#lastError,
      lastSilenceMs: this.#lastSilenceMs,
      lostFrames: this.#lostFrames,
      doubledFrames: this.#doubledFrames,
      lostBytes: this.#lostBytes,
    };
  }

  #enter(state: "connecting" | "live"): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#sinceMs = this.#clock.now();
  }
}
