/**
 * One stream on an edge: pulled from an origin while players want it, or pushed to one while somebody
 * publishes it here. Players of a stream published here read the same log; nothing comes back from
 * the origin.
 */

import type { CancelTimer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import { mayTakeOver, refuseBusy } from "../server/takeover.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Departure, PublishAnswer, PublishTicket } from "../server/vhost_service.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { EdgeContext } from "./edge_context.ts";
import { type DemandEvent, OnDemand } from "./on_demand.ts";
import { Puller } from "./puller.ts";
import { Pusher } from "../upstream/pusher.ts";

/** Options of {@linkcode EdgeStream}. */
export interface EdgeStreamOptions {
  readonly context: EdgeContext;
  readonly stream: Stream;
  readonly wheel: FlushWheel;
  readonly logger: Logger;
  /** Takes the end of every pull and push, for whoever waits for all of them. */
  readonly onTask: (ended: Promise<void>) => void;
  /** Neither players nor a publisher nor an upstream are left. */
  readonly onUnused: () => void;
}

/** See the file comment. */
export class EdgeStream {
  readonly stream: Stream;
  readonly #options: EdgeStreamOptions;
  readonly #demand: OnDemand;
  #players = 0;
  #request: StreamRequest | null = null;
  #puller: Puller | null = null;
  #pusher: Pusher | null = null;
  /** Who publishes the stream here, or asks for it; null while the pusher waits for one to return. */
  #publisher: PublishAnswer | null = null;
  /** Feeds the stream, or did until the publisher was lost; null before an origin has accepted. */
  #handle: PublishHandle | null = null;
  #cancelGrace: CancelTimer | null = null;
  #cancelLinger: CancelTimer | null = null;

  constructor(options: EdgeStreamOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.#demand = new OnDemand(() => options.context.config().cluster.lingerMs);
  }

  /** The connections to origins that this stream has or is making: pull, push, or both for a moment. */
  get upstreams(): UpstreamSnapshot[] {
    return [this.#puller, this.#pusher].flatMap((user) =>
      user === null ? [] : [user.report.snapshot()]
    );
  }

  addPlayer(request: StreamRequest, viewer: Viewer): void {
    this.#request = request;
    this.#players++;
    this.stream.join(viewer);
    this.#want();
  }

  removePlayer(viewer: Viewer): void {
    this.#players--;
    this.stream.leave(viewer);
    if (this.#players === 0) this.#step("unwanted");
    this.#reportUnused();
  }

  /**
   * Asks an origin to take the stream; the answer comes when one has. A publisher that returns, or takes
   * over, goes on with the push that there is.
   */
  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    if (this.#pusher === null) {
      this.#publisher = answer;
      this.#startPush(request, answer);
    } else if (this.#makeRoom()) {
      this.#publisher = answer;
      answer.onAccepted(this.#beginPublish(request));
    } else {
      answer.onRefused(refuseBusy(request.name));
    }
    return { leave: (departure) => this.#endPublish(answer, departure) };
  }

  /** Ends all upstream connections. */
  close(): void {
    this.#cancelLinger?.();
    this.#cancelGrace?.();
    this.#puller?.stop();
    this.#pusher?.stop();
    this.#puller = null;
    this.#pusher = null;
    this.#publisher = null;
  }

  /** What is published here replaces what was pulled. */
  #beginPublish(request: StreamRequest): PublishHandle {
    this.#step("replaced");
    this.#handle = this.stream.publish(request);
    if (this.#handle === null) {
      throw new Error(`Stream "${this.stream.name}" has a source beside its puller`);
    }
    return this.#handle;
  }

  #startPush(request: StreamRequest, answer: PublishAnswer): void {
    this.#pusher = new Pusher({
      ...this.#options,
      request,
      onAccepted: () => answer.onAccepted(this.#beginPublish(request)),
      onRefused: (refusal) => {
        this.#stopPush();
        answer.onRefused(refusal);
      },
      onDisplaced: () => this.#giveWay(),
    });
    this.#options.onTask(this.#pusher.ended);
  }

  /** Parts the push from the publisher it has, if a newcomer may have it. */
  #makeRoom(): boolean {
    // No origin has accepted yet: a publisher that waits for that has nothing to send.
    if (this.#handle === null) return false;
    const present = this.#publisher;
    const { context } = this.#options;
    const { publish } = context.config();
    if (present !== null) {
      if (!mayTakeOver(present, publish.takeover, context.clock.now())) return false;
      this.#publisher = null;
      this.#handle.end("away");
      present.onReplaced();
    }
    this.#cancelGrace?.();
    this.#cancelGrace = null;
    return true;
  }

  #endPublish(publisher: PublishAnswer, departure: Departure): void {
    if (this.#publisher !== publisher) return;
    const { context } = this.#options;
    const { publish } = context.config();
    if (departure === "stopped" || publish.graceMs === 0 || this.#handle === null) {
      return this.#stopPush();
    }
    this.#publisher = null;
    this.#handle.end("away");
    this.#cancelGrace = context.clock.after(publish.graceMs, () => this.#stopPush());
  }

  /** Nobody publishes here any more: the origins and the players are told. */
  #stopPush(): void {
    this.#cancelGrace?.();
    this.#cancelGrace = null;
    this.#pusher?.stop();
    this.#pusher = null;
    this.#publisher = null;
    if (this.#handle !== null) {
      this.#handle.end("away");
      this.stream.unpublish();
      this.#handle = null;
    }
    if (this.#players > 0) this.#want();
    this.#reportUnused();
  }

  /** The publisher that is awaited here is back elsewhere: players get the stream from the origin. */
  #giveWay(): void {
    if (this.#publisher !== null) return;
    // It ended when the publisher was lost; without it players are told nothing.
    this.#handle = null;
    this.#stopPush();
  }

  /** A stream that is published here has its source. */
  #want(): void {
    if (this.#handle === null) this.#step("wanted");
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

  #scheduleLinger(): void {
    const { clock } = this.#options.context;
    this.#cancelLinger?.();
    const { deadlineMs } = this.#demand;
    this.#cancelLinger = deadlineMs === null
      ? null
      : clock.after(Math.max(0, deadlineMs - clock.now()), () => this.#step("tick"));
  }

  #startPull(): void {
    this.#puller = new Puller({
      ...this.#options,
      request: () => this.#request!,
      onMedia: () => this.#step("media"),
      onLost: () => this.#step("lost"),
    });
    this.#options.onTask(this.#puller.ended);
  }

  #stopPull(): void {
    this.#puller?.stop();
    this.#puller = null;
  }

  #reportUnused(): void {
    const isUsed = this.#players > 0 || this.#puller !== null || this.#pusher !== null;
    if (!isUsed) this.#options.onUnused();
  }
}
