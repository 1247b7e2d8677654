import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { StatusCode } from "../rtmp/constants.ts";

/** What an origin says of a stream that it does not have, for all players. */
const INNOCENT_CODES: readonly string[] = [
  StatusCode.PLAY_STREAM_NOT_FOUND,
  StatusCode.PLAY_UNPUBLISH_NOTIFY,
];

/** What one or more players sent: the same parameters, by the same path of edges. */
interface Entry {
  readonly key: string;
  readonly request: StreamRequest;
  playerCount: number;
  /** The most that one of them asked for. */
  backlogMs: number;
  /** Whether the newest origin that answered gave the stream for it. */
  isGranted: boolean;
  /** The higher, the sooner it is used. */
  rank: number;
  /** Origins that refused it since a player last sent it; null for none. */
  refusedBy: Set<OriginAddress> | null;
}

/**
 * The requests of the players that a pulled stream has now. Their parameters (tokens) are what
 * origins are asked with, so a player that left must not decide for those that stay, nor may one
 * whose token is bad.
 *
 * Used first is the request that an origin granted last, then the newest. One that failed without a
 * reason comes last. One that an origin refused is not sent there again until a player sends it
 * again.
 */
export class PlayerRequests {
  readonly #entries = new Map<string, Entry>();
  readonly #byPlayer = new Map<Viewer, Entry>();
  /** Highest and lowest rank given so far. */
  #highest = 0;
  #lowest = 0;

  /** Whether a player wants an answer at once. */
  get wantsAnswer(): boolean {
    for (const { request } of this.#entries.values()) if (request.wantsAnswer) return true;
    return false;
  }

  /** The players, in the order in which they joined. */
  get players(): Iterable<Viewer> {
    return this.#byPlayer.keys();
  }

  has(player: Viewer): boolean {
    return this.#byPlayer.has(player);
  }

  get playerCount(): number {
    return this.#byPlayer.size;
  }

  /** How far back edges among the players want the stream, in ms; 0 for none. */
  get backlogMs(): number {
    let mostMs = 0;
    for (const { backlogMs } of this.#entries.values()) mostMs = Math.max(mostMs, backlogMs);
    return mostMs;
  }

  add(player: Viewer, request: StreamRequest): void {
    const key = keyOf(request);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const backlogMs = 0;
      entry = {
        key,
        request,
        playerCount: 0,
        backlogMs,
        isGranted: false,
        rank: 0,
        refusedBy: null,
      };
      this.#entries.set(key, entry);
    }
    entry.playerCount++;
    entry.backlogMs = Math.max(entry.backlogMs, request.backlogMs);
    entry.refusedBy = null;
    entry.rank = ++this.#highest;
    this.#byPlayer.set(player, entry);
  }

  remove(player: Viewer): void {
    const entry = this.#byPlayer.get(player);
    if (entry === undefined) return;
    this.#byPlayer.delete(player);
    if (--entry.playerCount === 0) this.#entries.delete(entry.key);
  }

  /** Returns the request to send to `origin`, or null when none is left. */
  bestFor(origin: OriginAddress): StreamRequest | null {
    let best: Entry | null = null;
    for (const entry of this.#entries.values()) {
      if (entry.refusedBy?.has(origin)) continue;
      if (best === null || isBetter(entry, best)) best = entry;
    }
    return best?.request ?? null;
  }

  /** An origin gave the stream for `request`. */
  granted(request: StreamRequest): void {
    const entry = this.#find(request);
    if (entry === undefined) return;
    entry.isGranted = true;
    entry.rank = ++this.#highest;
    entry.refusedBy = null;
  }

  /** `origin` refused `request` for a reason of the request itself. */
  refused(request: StreamRequest, origin: OriginAddress): void {
    const entry = this.#find(request);
    if (entry !== undefined) (entry.refusedBy ??= new Set()).add(origin);
  }

  /** An attempt with `request` failed, and no one said why. */
  failed(request: StreamRequest): void {
    const entry = this.#find(request);
    if (entry === undefined) return;
    entry.isGranted = false;
    entry.rank = --this.#lowest;
  }

  /** Lets requests that were refused be sent again. */
  forgive(): void {
    for (const entry of this.#entries.values()) entry.refusedBy = null;
  }

  #find(request: StreamRequest): Entry | undefined {
    return this.#entries.get(keyOf(request));
  }
}

/**
 * Notes what the failure of an attempt says of its request. @returns whether another request may
 * fare better at this origin
 */
export function blameRequest(
  requests: PlayerRequests,
  request: StreamRequest,
  origin: OriginAddress,
  failure: unknown,
): boolean {
  if (!(failure instanceof UpstreamError) || failure.redirect !== null) return false;
  const { phase, statusCode } = failure;
  if (phase !== "command" && phase !== "play") return false;
  if (statusCode === "") {
    requests.failed(request);
    return false;
  }
  if (INNOCENT_CODES.includes(statusCode)) return false;
  requests.refused(request, origin);
  return true;
}

function isBetter(left: Entry, right: Entry): boolean {
  if (left.isGranted !== right.isGranted) return left.isGranted;
  return left.rank > right.rank;
}

/** Requests for one stream that differ in nothing else are the same to an origin. */
function keyOf({ edgePath, url, wantsAnswer }: StreamRequest): string {
  return `${edgePath.join()} ${url.params} ${wantsAnswer === true}`;
}
