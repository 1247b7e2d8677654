import type { CancelTimer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import { AudienceReporter } from "../hub/audience_reporter.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import { PublisherSlot } from "../server/publisher_slot.ts";
import { refuseBusy } from "../server/takeover.ts";
import type { ClientCheck, PublishAnswer, PublishTicket } from "../server/vhost_service.ts";
import { Slate } from "../server/slate.ts";
import { StreamFeeder } from "../splice/stream_feeder.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { EdgeContext } from "./edge_context.ts";
import { type DemandEvent, OnDemand } from "./on_demand.ts";
import { PlayerRequests } from "./player_requests.ts";
import { Puller } from "./puller.ts";
import { PushGroup } from "./push_group.ts";

/** Options of {@linkcode EdgeStream}. */
interface EdgeStreamOptions {
  readonly context: EdgeContext;
  readonly stream: Stream;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /** Takes a promise for the end of every pull and push. */
  readonly onTask: (ended: Promise<void>) => void;
  /** Neither players nor a publisher nor an upstream connection are left. */
  readonly onUnused: () => void;
}

/**
 * One stream on an edge: pulled from an origin while players want it, or pushed to one or several
 * while it is published here. Players of a stream that is published here read the same log; nothing
 * comes back from the origin.
 */
export class EdgeStream {
  readonly stream: Stream;
  readonly #options: EdgeStreamOptions;
  readonly #demand: OnDemand;
  /** Its pull has served others than probes. */
  #hadPlayers = false;
  readonly #slot: PublisherSlot;
  readonly #feeder: StreamFeeder;
  readonly #slate: Slate | null;
  readonly #requests = new PlayerRequests();
  /** That of the newest publisher. */
  #published: StreamRequest | null = null;
  #puller: Puller | null = null;
  #push: PushGroup | null = null;
  #cancelLinger: CancelTimer | null = null;
  #cancelReports: CancelTimer = () => {};

  constructor(options: EdgeStreamOptions) {
    const { config, clock } = options.context;
    this.#options = options;
    this.stream = options.stream;
    this.#feeder = new StreamFeeder(options.stream);
    this.#slate = this.#createSlate();
    this.#demand = new OnDemand(() => this.#hadPlayers ? config().cluster.lingerMs : 0);
    this.#slot = new PublisherSlot({
      clock,
      settings: () => config().publish,
      onFree: () => this.#stopPush(),
      onAway: () => {
        this.#push?.retry();
        this.#seek();
      },
      isSlateNext: () => this.#isSlateNext,
    });
  }

  /** Begins to follow its stream. Called once. */
  start(): void {
    this.#slate?.start();
  }

  /**
   * The connections to origins that this stream has or is making: pull and standby, push, or both
   * for a moment.
   */
  get upstreams(): UpstreamSnapshot[] {
    return [...this.#puller?.snapshots ?? [], ...this.#push?.snapshots ?? []];
  }

  /** Whether it is pulled without players. */
  get isLingering(): boolean {
    return this.#demand.state === "lingering";
  }

  /** Moves the live connections that `selects`, as {@linkcode VhostUpstreams.move} does. */
  move(
    selects: (upstream: UpstreamSnapshot) => boolean,
    to: OriginAddress | null,
    cause = "asked to move",
  ): void {
    const puller = this.#puller;
    if (puller !== null && selects(puller.report.snapshot())) puller.move(to, cause);
    this.#push?.move(selects, to, cause);
  }

  /** The settings of the vhost have changed. */
  configure(): void {
    this.#push?.configure();
  }

  addPlayer(request: StreamRequest, viewer: Viewer): void {
    this.#requests.add(viewer, request);
    this.#hadPlayers ||= request.isProbe !== true;
    this.stream.join(viewer);
    this.#puller?.onRequest();
    this.#want();
    this.#tellIfMissing(viewer);
  }

  removePlayer(viewer: Viewer): void {
    this.#requests.remove(viewer);
    this.stream.leave(viewer);
    if (!this.#isWatched) this.#step("unwanted");
    this.#reportUnused();
  }

  /** As {@linkcode PublisherSlot.checkRoom}. */
  checkRoom(request: StreamRequest, onRoom: (hasRoom: boolean) => void): ClientCheck | null {
    return this.#slot.checkRoom(request, onRoom);
  }

  /**
   * Asks origins to take the stream, and answers when one has. A publisher that returns or takes
   * over continues the running push.
   */
  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    if (this.#push === null) {
      this.#slot.ask(answer);
      this.#startPush(request, answer);
    } else if (!this.#slot.standBy(answer, request)) {
      if (this.#slot.makeRoom(request)) this.#beginPublish(request, answer);
      else answer.onRefused(refuseBusy(request.name));
    }
    return { leave: (departure) => this.#slot.leave(answer, departure) };
  }

  /** Ends all upstream connections. */
  close(): void {
    this.#cancelLinger?.();
    this.#cancelReports();
    this.#slot.close();
    this.#slate?.close();
    this.#puller?.stop();
    this.#push?.leave();
    this.#puller = null;
    this.#push = null;
  }

  get #isSlateNext(): boolean {
    return this.#slate?.follows ?? false;
  }

  #createSlate(): Slate | null {
    const { slates, clock, config } = this.#options.context;
    if (slates === undefined) return null;
    return new Slate({
      ...slates,
      feeder: this.#feeder,
      clock,
      logger: slates.logger.for("slate", this.stream.name),
      settings: () => config().play,
      isAwaited: () => true,
    });
  }

  get #isWatched(): boolean {
    return this.#requests.playerCount > 0;
  }

  /** What is published here replaces what was pulled. */
  #beginPublish(request: StreamRequest, answer: PublishAnswer): void {
    this.#published = request;
    this.#step("replaced");
    this.#slot.take(answer, this.#feeder, request);
  }

  #startPush(request: StreamRequest, answer: PublishAnswer): void {
    this.#published = request;
    this.#push = new PushGroup({
      ...this.#options,
      request: () => this.#published ?? request,
      vouch: (answer, deny) => this.#slot.vouch(answer, deny),
      onAccepted: () => this.#beginPublish(request, answer),
      onRefused: (refusal) => {
        this.#slot.close();
        this.#stopPush();
        answer.onRefused(refusal);
      },
      // The publisher that is awaited here has returned elsewhere: players get its stream by a
      // pull, from the origin that says so first of all.
      onDisplaced: () => {
        if (!this.#slot.isAway) return;
        this.#push?.leave();
        this.#push = null;
        this.#step("replaced");
        this.#slot.stopWaiting();
      },
    });
    this.#push.configure();
  }

  /**
   * No publisher is left here: ends the stream at the origins, and pulls it for players that stay.
   */
  #stopPush(): void {
    this.#push?.stop();
    this.#push = null;
    if (this.#isWatched) this.#want();
    this.#reportUnused();
  }

  /** Players of a stream that is published here need no upstream connection. */
  #want(): void {
    if (!this.#slot.isTaken) return this.#step("wanted");
    if (this.#slot.isAway) this.#seek();
  }

  /** The publisher is away: it may have returned to another origin, through another edge. */
  #seek(): void {
    if (!this.#isWatched || this.#push?.leavesOthers !== true) return;
    this.#step("wanted");
  }

  /** A pull feeds the stream. The publisher that was awaited here is at another origin. */
  #onPulled(): void {
    this.#step("media");
    if (!this.#slot.isAway) return;
    this.#push?.leave();
    this.#push = null;
    this.#slot.stopWaiting();
  }

  #step(event: DemandEvent): void {
    const { clock } = this.#options.context;
    const action = this.#demand.step(event, clock.now());
    if (action === "start") this.#startPull();
    if (action === "stop") {
      this.#stopPull();
      this.#reportUnused();
    }
    this.#scheduleLinger();
  }

  /** Spares a newcomer the wait if the origins were asked just now, or one says that it ended. */
  #tellIfMissing(viewer: Viewer): void {
    const { all, places } = this.#options.context.origins;
    const isMissing = this.#puller?.hasEnded === true || places.isMissing(all, this.stream.name);
    if (this.stream.isLive || !isMissing) return;
    // Later: the caller does not have the stream yet.
    queueMicrotask(() => {
      if (!this.stream.isLive && this.#requests.has(viewer)) viewer.onMissing?.(true);
    });
  }

  #scheduleLinger(): void {
    const { clock } = this.#options.context;
    this.#cancelLinger?.();
    const { deadlineMs } = this.#demand;
    this.#cancelLinger = deadlineMs === null
      ? null
      : clock.after(Math.max(0, deadlineMs - clock.now()), () => this.#step("tick"));
  }

  /** Reports to the origin who plays the stream here, while it is pulled. */
  #reportAudience(puller: Puller): void {
    const reporter = new AudienceReporter(this.stream);
    this.#cancelReports = this.#options.context.ticker.add((nowMs) => {
      const feed = puller.feeding();
      const audience = reporter.due(nowMs, feed);
      if (audience !== null) feed?.report(audience);
    });
  }

  #startPull(): void {
    const { context, logger, onTask } = this.#options;
    this.#puller = new Puller({
      context,
      feeder: this.#feeder,
      logger,
      requests: this.#requests,
      isAvoided: (origin) => this.#slot.isAway && this.#push?.uses(origin) === true,
      isSlateNext: () => this.#isSlateNext,
      onMedia: () => this.#onPulled(),
      onLost: () => this.#step("lost"),
      onMissing: (isCertain) => {
        for (const viewer of this.#requests.players) viewer.onMissing?.(isCertain);
      },
    });
    onTask(this.#puller.start());
    this.#reportAudience(this.#puller);
  }

  #stopPull(): void {
    this.#cancelReports();
    this.#puller?.stop();
    this.#puller = null;
    this.#hadPlayers = this.#isWatched;
  }

  #reportUnused(): void {
    const isUsed = this.#isWatched || this.#puller !== null || this.#push !== null;
    if (!isUsed) this.#options.onUnused();
  }
}
