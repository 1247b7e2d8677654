/**
 * The origins of a vhost: in which order a stream prefers them, and which of them are down. What one
 * stream finds out all the others know.
 *
 * Names are not resolved here: a name is looked up at every attempt, so what changes in the DNS counts
 * from the next one on, and all its addresses are tried.
 */

import { backoffMs, type BackoffOptions } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { UpstreamError, type UpstreamPhase } from "../base/errors.ts";
import { hashText } from "../base/hash_text.ts";
import type { ClusterConfig, OriginAddress } from "../config/config.ts";

/** Options of {@linkcode OriginSet}. */
export interface OriginSetOptions {
  /** Name of the vhost: a stream of the same name in another vhost may prefer another origin. */
  readonly vhost: string;
  /** Has at least one origin as soon as {@linkcode OriginSet.choose} is called. */
  readonly cluster: ClusterConfig;
  readonly clock: Clock;
}

/** An origin that failed since it last went well. */
interface Illness {
  /** Failures in a row, 1 or more. */
  readonly failures: number;
  /** When the newest one was reported. */
  readonly failedAtMs: number;
  /** Until then it is left alone while there is another. */
  readonly restsUntilMs: number;
  /** Until then one stream finds out whether the origin is back; 0 when none does. */
  probedUntilMs: number;
}

/**
 * An origin that keeps whoever tries it waiting, because it is behind a network that drops everything, is
 * left alone for so many times as long: one stream in a while pays for finding out, not each.
 */
const REST_PER_WAIT = 10;

/** Phases of an attempt before the origin has shown that it serves. */
const WAITING_PHASES: readonly UpstreamPhase[] = ["connect", "handshake", "command"];

/** How willingly an origin is tried; lower is better. */
type Rank = 0 | 1;

/** See the file comment. */
export class OriginSet {
  /** Pauses after failures, of an origin and of all. */
  readonly backoff: BackoffOptions;
  readonly #options: OriginSetOptions;
  readonly #illnesses = new Map<OriginAddress, Illness>();
  #orderCount = 0;

  constructor(options: OriginSetOptions) {
    const { retryMinMs, retryMaxMs } = options.cluster;
    this.backoff = { minMs: retryMinMs, maxMs: retryMaxMs };
    this.#options = options;
  }

  /** All origins, best first, for a stream that starts now. Says nothing about who is down. */
  orderFor(streamName: string): readonly OriginAddress[] {
    const { vhost, cluster: { origins, originSelect } } = this.#options;
    switch (originSelect) {
      case "ordered":
        return origins;
      case "round_robin": {
        const first = this.#orderCount++ % origins.length;
        return [...origins.slice(first), ...origins.slice(0, first)];
      }
      case "hash":
        return byHash(origins, `${vhost}/${streamName}`);
      default:
        return originSelect satisfies never;
    }
  }

  /**
   * Which of `candidates`, best first and at least one, to try now: those that are down come last,
   * soonest back first. An origin whose time is over is tried in its place again where `mayProbe`,
   * by one stream at a time; otherwise after those known to be well.
   */
  choose(candidates: readonly OriginAddress[], mayProbe: boolean): OriginAddress {
    const nowMs = this.#options.clock.now();
    const byRank = candidates.toSorted((left, right) =>
      this.#rank(left, nowMs, mayProbe) - this.#rank(right, nowMs, mayProbe) ||
      this.#downUntil(left, nowMs) - this.#downUntil(right, nowMs)
    );
    const chosen = byRank[0]!;
    this.#beginProbe(chosen, nowMs);
    return chosen;
  }

  /** The origin answers. */
  succeeded(origin: OriginAddress): void {
    this.#illnesses.delete(origin);
  }

  /** An attempt that began at `beganMs` ended with `error`. */
  failed(origin: OriginAddress, error: unknown, beganMs: number): void {
    if (!(error instanceof UpstreamError)) return this.left(origin);
    if (isAnswer(error)) return this.succeeded(origin);
    const { clock } = this.#options;
    const before = this.#illnesses.get(origin);
    // When an origin dies all its streams say so: that is one failure.
    if (before !== undefined && beganMs <= before.failedAtMs) return this.left(origin);
    const failures = (before?.failures ?? 0) + 1;
    const failedAtMs = clock.now();
    const pauseMs = backoffMs(failures - 1, this.backoff, 0);
    // One that was lost while it ran has kept nobody waiting.
    const waitedMs = WAITING_PHASES.includes(error.phase) ? failedAtMs - beganMs : 0;
    const restsUntilMs = failedAtMs + Math.max(pauseMs, REST_PER_WAIT * waitedMs);
    this.#illnesses.set(origin, { failures, failedAtMs, restsUntilMs, probedUntilMs: 0 });
  }

  /** An attempt ended and has not shown how the origin is. */
  left(origin: OriginAddress): void {
    const illness = this.#illnesses.get(origin);
    if (illness !== undefined) illness.probedUntilMs = 0;
  }

  #rank(origin: OriginAddress, nowMs: number, mayProbe: boolean): Rank {
    if (!this.#illnesses.has(origin)) return 0;
    return mayProbe && this.#downUntil(origin, nowMs) === nowMs ? 0 : 1;
  }

  /** `nowMs` when it is not down. */
  #downUntil(origin: OriginAddress, nowMs: number): number {
    const illness = this.#illnesses.get(origin);
    if (illness === undefined) return nowMs;
    return Math.max(nowMs, illness.restsUntilMs, illness.probedUntilMs);
  }

  /** Other streams leave an origin alone while one finds out whether it is back. */
  #beginProbe(origin: OriginAddress, nowMs: number): void {
    const { connectTimeoutMs, startTimeoutMs } = this.#options.cluster;
    const illness = this.#illnesses.get(origin);
    if (illness !== undefined) illness.probedUntilMs = nowMs + connectTimeoutMs + startTimeoutMs;
  }
}

/**
 * Whether the origin is well and it is the stream that it does not give: it said so by a status, or it
 * went as far as to take the play and sent nothing.
 */
function isAnswer({ statusCode, phase }: UpstreamError): boolean {
  return statusCode !== "" || phase === "play";
}

/**
 * Rendezvous hashing: every origin draws a number for the key, and the highest come first. So all edges
 * agree, and an origin that goes away moves only the streams that were its own.
 */
function byHash(origins: readonly OriginAddress[], key: string): OriginAddress[] {
  return origins
    .map((origin) => ({ origin, draw: hashText(`${origin.hostname}:${origin.port}/${key}`) }))
    .sort((left, right) => right.draw - left.draw)
    .map(({ origin }) => origin);
}
