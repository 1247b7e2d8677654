import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import { Pusher } from "../upstream/pusher.ts";
import { isSameServer } from "../upstream/redirect.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { EdgeContext } from "./edge_context.ts";

/** Options of {@linkcode PushGroup}. */
interface PushGroupOptions {
  readonly context: EdgeContext;
  readonly stream: Stream;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /** The newest publisher's. Asked for each connection. */
  readonly request: () => StreamRequest;
  /** Takes a promise for the end of every push. */
  readonly onTask: (ended: Promise<void>) => void;
  /** Calls `answer` as soon as the publisher gives a sign of life. */
  readonly vouch: (answer: () => void, deny: () => void) => void;
  /** The first origin accepted: the publisher may begin. Called once at most. */
  readonly onAccepted: () => void;
  /** No origin takes the stream. Called once at most, and not after an origin has accepted. */
  readonly onRefused: (refusal: Refusal) => void;
  /** As in the options of `Pusher`. */
  readonly onDisplaced: () => void;
}

/**
 * The pushes of one stream: to one origin, or to several at the same time (`cluster.push`). Each
 * has its own loop over the origins, reads the same log, and resumes at a keyframe by itself. No
 * two of them use the same origin: with as many pushes as origins, each keeps to its own.
 *
 * The publisher begins as soon as one origin accepts, and is refused when each push has found none.
 */
export class PushGroup {
  readonly #options: PushGroupOptions;
  readonly #pushers: Pusher[] = [];
  /** What each push heard of its origins, while none has accepted. */
  readonly #refusals = new Map<Pusher, Refusal>();
  /** Of the broadcast, unless the publisher is an edge and named it. */
  readonly #ownId = crypto.randomUUID();
  #nextNumber = 0;
  #isAccepted = false;

  constructor(options: PushGroupOptions) {
    this.#options = options;
  }

  /** One for each push. */
  get snapshots(): UpstreamSnapshot[] {
    return this.#pushers.map(({ report }) => report.snapshot());
  }

  /** Whether a push uses `origin` now, or tries to. */
  uses(origin: OriginAddress): boolean {
    return this.#pushers.some((pusher) => usesOrigin(pusher, origin));
  }

  /** Whether there are origins besides those that get the stream; false while none gets it. */
  get leavesOthers(): boolean {
    const isUsed = this.#pushers.some(({ origins }) => origins.length > 0);
    return isUsed && this.#options.context.origins.all.some((origin) => !this.uses(origin));
  }

  /** Begins as many pushes as the settings want, and leaves origins that are too many. */
  configure(): void {
    const { config, origins } = this.#options.context;
    const { push } = config().cluster;
    const wanted = push === "all" ? origins.all.length : Math.min(push, origins.all.length);
    // While no name of an origin is resolved there is none, and one push says so.
    const count = Math.max(1, wanted);
    while (this.#pushers.length < count) this.#add();
    for (const pusher of this.#surplus(count)) this.#remove(pusher);
    if (count > 1) {
      for (const pusher of this.#strays()) pusher.move(null, "the origin was removed");
    }
  }

  /**
   * Moves the pushes that `selects`, as `VhostUpstreams.move` does. None moves to an origin that
   * another one uses.
   */
  move(
    selects: (upstream: UpstreamSnapshot) => boolean,
    to: OriginAddress | null,
    cause: string,
  ): void {
    const selected = this.#pushers.filter(({ report }) => selects(report.snapshot()));
    for (const pusher of selected) {
      if (to === null || !this.#isTaken(pusher, to)) pusher.move(to, cause);
    }
  }

  /** The publisher is away: pushes that find no origin ask at once whether it is at another one. */
  retry(): void {
    for (const pusher of this.#pushers) pusher.retry();
  }

  /** The publisher is done: origins get what is left, then the end of the stream. */
  stop(): void {
    for (const pusher of this.#pushers) pusher.stop();
  }

  /** Origins get what is left, but not the end of the stream: the publisher may return. */
  leave(): void {
    for (const pusher of this.#pushers) pusher.leave();
  }

  #add(): void {
    const { context, onTask, onDisplaced, ...shared } = this.#options;
    const number = this.#nextNumber++;
    const pusher: Pusher = new Pusher({
      ...shared,
      context,
      origins: context.origins,
      totals: context.totals,
      request: () => this.#request(number),
      isTaken: (origin) => this.#isTaken(pusher, origin),
      isCovered: () => this.#pushers.some((other) => other !== pusher && isLive(other)),
      onAccepted: () => this.#onAccepted(),
      onRefused: (refusal) => this.#onRefused(pusher, refusal),
      onDisplaced,
    });
    this.#pushers.push(pusher);
    onTask(pusher.start());
  }

  #remove(pusher: Pusher): void {
    this.#pushers.splice(this.#pushers.indexOf(pusher), 1);
    this.#refusals.delete(pusher);
    pusher.leave();
  }

  /** Those beyond `count`: at removed origins first, then without an origin, then the newest. */
  #surplus(count: number): readonly Pusher[] {
    const strays = this.#strays();
    const rank = (pusher: Pusher) => strays.includes(pusher) ? 2 : isLive(pusher) ? 0 : 1;
    return this.#pushers.toSorted((one, other) => rank(one) - rank(other)).slice(count);
  }

  /** Those that push to an origin which was removed. */
  #strays(): readonly Pusher[] {
    const { all } = this.#options.context.origins;
    return this.#pushers.filter(({ origins }) =>
      origins.length > 0 && !origins.some((origin) => all.some((one) => isSameServer(one, origin)))
    );
  }

  /**
   * Pushes at the same time are different broadcasts: where two of them meet, at the origin of two
   * middle edges, the second is refused while the first is alive, and does not replace it.
   */
  #request(number: number): StreamRequest {
    const request = this.#options.request();
    const ownId = number === 0 ? this.#ownId : `${this.#ownId}/${number}`;
    return { ...request, broadcastId: request.broadcastId ?? ownId };
  }

  #isTaken(pusher: Pusher, origin: OriginAddress): boolean {
    return this.#pushers.some((other) => other !== pusher && usesOrigin(other, origin));
  }

  #onAccepted(): void {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    this.#options.onAccepted();
  }

  #onRefused(pusher: Pusher, refusal: Refusal): void {
    if (this.#isAccepted) return;
    this.#refusals.set(pusher, refusal);
    if (this.#refusals.size < this.#pushers.length) return;
    this.stop();
    const refusals = [...this.#refusals.values()];
    // What an origin said tells the publisher more than that another one was not reached.
    const said = refusals.find(({ code }) => code !== StatusCode.PUBLISH_FAILED);
    this.#options.onRefused(said ?? refusals[0]!);
  }
}

function isLive({ report }: Pusher): boolean {
  return report.snapshot().state === "live";
}

function usesOrigin({ origins }: Pusher, origin: OriginAddress): boolean {
  return origins.some((used) => isSameServer(used, origin));
}
