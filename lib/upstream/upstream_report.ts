import type { Clock } from "../base/clock.ts";
import { describeError, UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { UpstreamKind, UpstreamSnapshot, UpstreamTotals } from "./upstream_snapshot.ts";

/** A stream continued by another connection, to another origin or to the same one. */
interface UpstreamSwitch {
  readonly to: OriginAddress;
  /**
   * `spliced`: with the very next frame. `restarted`: at a keyframe of another encode. `resumed`: a
   * push, from the keyframe before what the last origin acknowledged.
   */
  readonly how: "spliced" | "restarted" | "resumed";
  /** How long nothing could be delivered, in ms. */
  readonly silenceMs: number;
  /**
   * Video frames (audio frames without video) that players never got; estimated after `restarted`.
   */
  readonly lostFrames: number;
  /** Video (or audio) frames that players got twice. */
  readonly doubledFrames: number;
  /** Bytes of a push that no origin acknowledged and that were no longer kept for the next one. */
  readonly lostBytes: number;
}

/** Returns totals that are all 0. */
export function createUpstreamTotals(): UpstreamTotals {
  return {
    attempts: 0,
    probes: 0,
    failures: 0,
    refusals: 0,
    spliced: 0,
    restarted: 0,
    resumed: 0,
    silenceMs: 0,
    lostFrames: 0,
    doubledFrames: 0,
    lostBytes: 0,
  };
}

/** Keeps count of one pull or push as it happens, for the API and the metrics. */
export class UpstreamReport {
  readonly kind: UpstreamKind;
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

  constructor(kind: UpstreamKind, totals: UpstreamTotals, clock: Clock) {
    this.kind = kind;
    this.#totals = totals;
    this.#clock = clock;
    this.#sinceMs = clock.now();
  }

  /** `origin` is being dialled. While another one is live, that one is still reported. */
  attempted(origin: OriginAddress): void {
    this.#attempts++;
    this.#totals.attempts++;
    if (this.#state === "connecting") this.#origin = origin;
  }

  /** `origin` failed, or was lost. */
  failed(origin: OriginAddress, error: unknown): void {
    this.#totals.failures++;
    if (error instanceof UpstreamError && error.statusCode !== "") this.#totals.refusals++;
    // Named, because another one may be connected by now.
    this.#lastError = `${formatAddress(origin)}: ${describeError(error)}`;
  }

  /** The stream flows from or to `origin`. */
  live(origin: OriginAddress): void {
    this.#origin = origin;
    this.#enter("live");
  }

  /** The stream flows again after a switch. */
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

  /** Players did not get frames that no origin had; no switch was involved. */
  missed(frames: number): void {
    this.#lostFrames += frames;
    this.#totals.lostFrames += frames;
  }

  /** Nothing is connected. */
  lost(): void {
    this.#enter("connecting");
  }

  /** Returns the state now. */
  snapshot(): UpstreamSnapshot {
    return {
      kind: this.kind,
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
