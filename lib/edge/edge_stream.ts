/**
 * One stream on an edge: pulled from an origin while players want it, or pushed to one while somebody
 * publishes it here. Players of a stream published here read the same log; nothing comes back from
 * the origin.
 */

import type { CancelTimer } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import type { FlushWheel } from "../net/flush_wheel.ts";
import type { PublishAnswer, PublishTicket, StreamRequest } from "../net/vhost_service.ts";
import { StatusCode } from "../rtmp/constants.ts";
import { type DemandEvent, OnDemand } from "./on_demand.ts";
import { Puller } from "./puller.ts";
import { Pusher } from "./pusher.ts";
import type { UpstreamContext } from "./upstream.ts";

/** Options of {@linkcode EdgeStream}. */
export interface EdgeStreamOptions {
  readonly context: UpstreamContext;
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
  /** Feeds the stream while somebody publishes it here. */
  #handle: PublishHandle | null = null;
  #cancelLinger: CancelTimer | null = null;

  constructor(options: EdgeStreamOptions) {
    this.#options = options;
    this.stream = options.stream;
    this.#demand = new OnDemand(options.context.cluster.lingerMs);
  }

  /** Connections to origins that this stream has or is making. */
  get upstreamCount(): number {
    return (this.#puller === null ? 0 : 1) + (this.#pusher === null ? 0 : 1);
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

  /** Asks an origin to take the stream; the answer comes when one has. */
  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    if (this.#pusher !== null) {
      answer.onRefused({
        code: StatusCode.PUBLISH_BAD_NAME,
        description: `Stream ${quotePeerText(request.name)} is being published by somebody else`,
      });
      return { leave() {} };
    }
    const pusher = new Pusher({
      ...this.#options,
      request,
      onAccepted: () => answer.onAccepted(this.#beginPublish()),
      onRefused: (refusal) => {
        this.#endPublish(pusher);
        answer.onRefused(refusal);
      },
    });
    this.#pusher = pusher;
    this.#options.onTask(pusher.ended);
    return { leave: () => this.#endPublish(pusher) };
  }

  /** Ends all upstream connections. */
  close(): void {
    this.#cancelLinger?.();
    this.#puller?.stop();
    this.#pusher?.stop();
    this.#puller = null;
    this.#pusher = null;
  }

  /** What is published here replaces what was pulled. */
  #beginPublish(): PublishHandle {
    this.#step("replaced");
    this.#handle = this.stream.publish();
    if (this.#handle === null) {
      throw new Error(`Stream "${this.stream.name}" has a source beside its puller`);
    }
    return this.#handle;
  }

  #endPublish(pusher: Pusher): void {
    if (this.#pusher !== pusher) return;
    this.#pusher = null;
    pusher.stop();
    this.#handle?.end("unpublished");
    this.#handle = null;
    if (this.#players > 0) this.#want();
    this.#reportUnused();
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
