import { backoffMs, type BackoffOptions } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import { UpstreamError, type UpstreamPhase } from "../base/errors.ts";
import { hashText } from "../base/hash_text.ts";
import type { OriginAddress, OriginSelect } from "../config/config.ts";
import type { DiscoveredOrigin } from "../config/origin_address.ts";
import { OriginFailureLog } from "./origin_failure_log.ts";
import { OriginPlacement } from "./origin_placement.ts";
import { ProbePace } from "./probe_pace.ts";
import { SilentDials } from "./silent_dials.ts";
import { StreamPlaces } from "./stream_places.ts";

/** Which origins a vhost has, and when they are tried. */
export interface OriginSettings {
  /**
   * In the order of preference, none twice. Those of a name follow each other. None while no name
   * has been resolved.
   */
  readonly origins: readonly (OriginAddress | DiscoveredOrigin)[];
  /** Which of them a stream prefers. */
  readonly originSelect: OriginSelect;
  /** First pause after every origin failed. */
  readonly retryMinMs: number;
  /** Longest pause after every origin failed; not below `retryMinMs`. */
  readonly retryMaxMs: number;
  /** Longest wait for the TCP connection of an attempt. */
  readonly connectTimeoutMs: number;
  /** Longest wait for the answer of an origin that is connected. */
  readonly startTimeoutMs: number;
}

/** Options of {@linkcode OriginSet}. */
interface OriginSetOptions {
  /** Name of the vhost: a stream of the same name in another vhost may prefer another origin. */
  readonly vhost: string;
  readonly settings: OriginSettings;
  readonly clock: Clock;
}

/** The failures of an origin since it last answered. */
interface OriginFailure {
  /** Failures in a row, 1 or more. */
  readonly count: number;
  /** When the newest one was reported. */
  readonly failedAtMs: number;
  /** Until then the origin is avoided while there is another. */
  readonly avoidUntilMs: number;
  /** Until then one stream probes whether the origin is back; 0 when none does. */
  probedUntilMs: number;
}

/**
 * An origin that keeps streams waiting, because its network drops everything, is avoided for this
 * many times the wait: one stream in a while pays for the probe, not each.
 */
const AVOID_PER_WAIT = 10;

/** Phases of an attempt before the origin has shown that it serves. */
const WAITING_PHASES: readonly UpstreamPhase[] = ["connect", "handshake", "command"];

/** An origin of the list, or those of a name in it. */
interface OriginEntry {
  /** Stands for it in draws: an address, or a name. */
  readonly key: string;
  readonly origins: readonly OriginAddress[];
  /** Null for an origin of the list. */
  readonly placement: OriginPlacement | null;
}

/** How willingly an origin is tried; lower is better. */
type Rank = 0 | 1;

/**
 * The origins of a vhost: in which order a stream prefers them, and which of them are down. All
 * streams of the vhost share it, so what one stream finds out the others know.
 *
 * Names are not resolved here. An origin with a host name is looked up at every attempt, so a
 * change in the DNS counts from the next attempt on, and all addresses of it are tried. Names whose
 * addresses are origins themselves are resolved by {@linkcode OriginDiscovery}.
 */
export class OriginSet {
  /** Which of their failures are logged. */
  readonly failureLog = new OriginFailureLog();
  readonly #vhost: string;
  readonly #clock: Clock;
  readonly #failures = new Map<OriginAddress, OriginFailure>();
  /** Which of the origins carry a stream. */
  readonly places: StreamPlaces;
  /** Bounds what their silence causes. */
  readonly silentDials: SilentDials;
  /** Bounds how often they are asked what they carry. */
  readonly probePace: ProbePace;
  #settings: OriginSettings;
  #entries: readonly OriginEntry[] = [];
  /** Streams that are pulled or pushed, and how often. */
  readonly #streams = new Map<string, number>();
  #revision = 0;
  #orderCount = 0;

  constructor({ vhost, settings, clock }: OriginSetOptions) {
    this.#vhost = vhost;
    this.#settings = settings;
    this.#clock = clock;
    this.configure(settings);
    this.places = new StreamPlaces(clock);
    this.silentDials = new SilentDials(clock);
    this.probePace = new ProbePace(clock);
  }

  /** All origins, in the order of the configuration. An origin that stays keeps its object. */
  get all(): readonly OriginAddress[] {
    return this.#settings.origins;
  }

  /** Changes whenever {@linkcode configure} is called: orders from before are outdated. */
  get revision(): number {
    return this.#revision;
  }

  /** Pauses after failures, of one origin and of all. */
  get backoff(): BackoffOptions {
    const { retryMinMs, retryMaxMs } = this.#settings;
    return { minMs: retryMinMs, maxMs: retryMaxMs };
  }

  /**
   * Applies new settings. The health of origins that stay is kept. A running pull or push at an
   * origin that is removed continues until it is moved or ends, or until that origin stalls; then
   * the others are tried.
   *
   * @returns the streams that belong on another origin of the same name than before
   */
  configure(settings: OriginSettings): readonly string[] {
    const origins = settings.origins.map((origin) => this.#known(origin) ?? origin);
    for (const origin of this.#failures.keys()) {
      if (!origins.includes(origin)) this.#failures.delete(origin);
    }
    this.#settings = { ...settings, origins };
    this.#revision++;
    const groups = Map.groupBy(origins, keyOf);
    const before = this.#entries;
    this.#entries = Array.from(groups, ([key, origins]) => {
      const known = before.find((entry) => entry.key === key)?.placement ?? null;
      return { key, origins, placement: isOfName(origins[0]!) ? known ?? this.#place() : null };
    });
    return [...new Set(this.#entries.flatMap(updatePlaces))];
  }

  /** A pull or push of a stream begins: it counts where it belongs until it leaves. */
  enter(streamName: string): void {
    this.#streams.set(streamName, (this.#streams.get(streamName) ?? 0) + 1);
    for (const { placement } of this.#entries) placement?.enter(streamName);
  }

  /** A pull or push that entered has ended. */
  leave(streamName: string): void {
    const users = this.#streams.get(streamName)! - 1;
    if (users === 0) this.#streams.delete(streamName);
    else this.#streams.set(streamName, users);
    for (const { placement } of this.#entries) placement?.leave(streamName);
  }

  /** The origin of the name of `beside` that a stream belongs on; null without such a name. */
  placeOf(streamName: string, beside: OriginAddress): OriginAddress | null {
    if (!isOfName(beside)) return null;
    const entry = this.#entries.find(({ key }) => key === beside.group);
    return entry?.placement?.orderFor(streamName)[0] ?? null;
  }

  /** Whether there is an origin other than `origin`, which may have been removed. */
  hasOtherThan(origin: OriginAddress): boolean {
    return this.all.some((other) => other !== origin);
  }

  /** All origins, best first, for a stream that starts now. Ignores which of them are down. */
  orderFor(streamName: string): readonly OriginAddress[] {
    return this.#entriesFor(streamName).flatMap(({ origins, placement }) =>
      placement === null ? origins : placement.orderFor(streamName)
    );
  }

  #entriesFor(streamName: string): readonly OriginEntry[] {
    const entries = this.#entries;
    const { originSelect } = this.#settings;
    switch (originSelect) {
      case "ordered":
        return entries;
      case "round_robin": {
        const first = this.#orderCount++ % entries.length;
        return [...entries.slice(first), ...entries.slice(0, first)];
      }
      case "hash":
        return byHash(entries, `${this.#vhost}/${streamName}`);
      default:
        return originSelect satisfies never;
    }
  }

  /** Returns an empty placement of all streams. */
  #place(): OriginPlacement {
    const placement = new OriginPlacement(this.#vhost);
    for (const [streamName, users] of this.#streams) {
      for (let user = 0; user < users; user++) placement.enter(streamName);
    }
    return placement;
  }

  /**
   * Picks the origin to try now from `candidates` (best first, at least one). Origins that are down
   * come last, soonest back first. One whose pause is over is tried in its old place where
   * `mayProbe`, by one stream at a time; otherwise after those known to work.
   *
   * @param lacks Whether a stream was sought there in vain: others of the same health come first.
   */
  choose(
    candidates: readonly OriginAddress[],
    mayProbe: boolean,
    lacks: (origin: OriginAddress) => boolean = () => false,
  ): OriginAddress {
    const nowMs = this.#clock.now();
    const byRank = candidates.toSorted((left, right) =>
      this.#rank(left, nowMs, mayProbe) - this.#rank(right, nowMs, mayProbe) ||
      Number(lacks(left)) - Number(lacks(right)) ||
      this.#downUntil(left, nowMs) - this.#downUntil(right, nowMs)
    );
    const chosen = byRank[0]!;
    this.#beginProbe(chosen, nowMs);
    return chosen;
  }

  /** Whether a stream may try an origin now: it is well, or this stream is to find that out. */
  beginReturn(origin: OriginAddress): boolean {
    const nowMs = this.#clock.now();
    if (this.#downUntil(origin, nowMs) > nowMs) return false;
    this.#beginProbe(origin, nowMs);
    return true;
  }

  /** When the origin was found down; null when it was not, or has answered since. */
  failedAtMs(origin: OriginAddress): number | null {
    return this.#failures.get(origin)?.failedAtMs ?? null;
  }

  /** The origin answers. */
  succeeded(origin: OriginAddress): void {
    this.#failures.delete(origin);
  }

  /** An attempt that began at `beganMs` ended with `error`. */
  failed(origin: OriginAddress, error: unknown, beganMs: number): void {
    if (!this.all.includes(origin)) return;
    if (!(error instanceof UpstreamError)) return this.left(origin);
    if (isAnswer(error)) return this.succeeded(origin);
    const before = this.#failures.get(origin);
    // When an origin dies, all its streams report it: that is one failure.
    if (before !== undefined && beganMs <= before.failedAtMs) return this.left(origin);
    const count = (before?.count ?? 0) + 1;
    const failedAtMs = this.#clock.now();
    const pauseMs = backoffMs(count - 1, this.backoff, 0);
    // An origin that was lost while it served has kept no stream waiting.
    const waitedMs = WAITING_PHASES.includes(error.phase)
      ? Math.min(failedAtMs - beganMs, this.#longestWaitMs)
      : 0;
    const avoidUntilMs = failedAtMs + Math.max(pauseMs, AVOID_PER_WAIT * waitedMs);
    this.#failures.set(origin, { count, failedAtMs, avoidUntilMs, probedUntilMs: 0 });
  }

  /** An attempt ended without showing whether the origin works. */
  left(origin: OriginAddress): void {
    const failure = this.#failures.get(origin);
    if (failure !== undefined) failure.probedUntilMs = 0;
  }

  #known(next: OriginAddress): OriginAddress | undefined {
    return this.all.find((origin) =>
      origin.hostname === next.hostname && origin.port === next.port && isPlacedAs(origin, next)
    );
  }

  #rank(origin: OriginAddress, nowMs: number, mayProbe: boolean): Rank {
    if (!this.#failures.has(origin)) return 0;
    return mayProbe && this.#downUntil(origin, nowMs) === nowMs ? 0 : 1;
  }

  /** What an attempt waits for an origin. Before that, it may wait for a place. */
  get #longestWaitMs(): number {
    return this.#settings.connectTimeoutMs + this.#settings.startTimeoutMs;
  }

  /** `nowMs` when it is not down. */
  #downUntil(origin: OriginAddress, nowMs: number): number {
    const failure = this.#failures.get(origin);
    if (failure === undefined) return nowMs;
    return Math.max(nowMs, failure.avoidUntilMs, failure.probedUntilMs);
  }

  /** Other streams avoid an origin while one probes whether it is back. */
  #beginProbe(origin: OriginAddress, nowMs: number): void {
    const { connectTimeoutMs, startTimeoutMs } = this.#settings;
    const failure = this.#failures.get(origin);
    if (failure !== undefined) failure.probedUntilMs = nowMs + connectTimeoutMs + startTimeoutMs;
  }
}

/**
 * Whether the origin works and only does not give this stream: it refused by a status, or it
 * accepted the play and sent nothing.
 */
function isAnswer({ statusCode, phase }: UpstreamError): boolean {
  return statusCode !== "" || phase === "play";
}

/**
 * Rendezvous hashing: every origin draws a number for the key, and the highest come first. So all
 * edges agree, and an origin that is removed moves only the streams that preferred it.
 */
function byHash(entries: readonly OriginEntry[], streamKey: string): OriginEntry[] {
  return entries
    .map((entry) => ({ entry, draw: hashText(`${entry.key}/${streamKey}`) }))
    .sort((left, right) => right.draw - left.draw)
    .map(({ entry }) => entry);
}

function keyOf(origin: OriginAddress): string {
  return isOfName(origin) ? origin.group : `${origin.hostname}:${origin.port}`;
}

function isOfName(origin: OriginAddress): origin is DiscoveredOrigin {
  return "group" in origin;
}

/** Whether two objects of one address say the same of its place. */
function isPlacedAs(origin: OriginAddress, next: OriginAddress): boolean {
  if (!isOfName(origin) || !isOfName(next)) return isOfName(origin) === isOfName(next);
  const { group, weight, tier } = origin;
  return group === next.group && weight === next.weight && tier === next.tier;
}

function updatePlaces({ origins, placement }: OriginEntry): readonly string[] {
  return placement?.update(origins.filter(isOfName)) ?? [];
}
