import { SlateStore } from "../../lib/server/slate_store.ts";
import { RemoteVhost } from "../../lib/edge/remote_vhost.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import type { Stream } from "../../lib/hub/stream.ts";
import type {
  Departure,
  PublishAnswer,
  PublisherRole,
  PublishTicket,
  VhostService,
} from "../../lib/server/vhost_service.ts";
import type { Refusal } from "../../lib/rtmp/status.ts";
import { assertEquals } from "./assert.ts";
import { createHub, EdgeRig, requestFor } from "./edge_rig.ts";
import { LogViewer } from "./log_viewer.ts";
import type { TinyMessage } from "./tiny_media.ts";

/** How long an upstream is kept without players, unless a test changes it. */
export const LINGER_MS = 10_000;

/** A player of the vhost. */
export class TestPlayer extends LogViewer {
  readonly stream: Stream;
  /** What it was told of a stream that is not found. */
  readonly missing: boolean[] = [];
  readonly #vhost: VhostService;

  constructor(vhost: VhostService, name = "show") {
    super();
    this.#vhost = vhost;
    this.stream = vhost.play(requestFor(name), this);
    this.watch(this.stream);
  }

  onMissing(isCertain: boolean): void {
    this.missing.push(isCertain);
  }

  leave(): void {
    this.#vhost.leave(this.stream, this);
  }
}

/** A publisher of the vhost. */
export class TestPublisher implements PublishAnswer {
  handle: PublishHandle | null = null;
  readonly refusals: Refusal[] = [];
  /** What it was told of its role: `role: cause`. */
  readonly roles: string[] = [];
  isReplaced = false;
  /** Whether it gives a sign of life when it is probed. */
  isAlive = false;
  /** Whether it was asked to connect elsewhere. */
  isLeaving = false;

  probe(onAlive: () => void, onLeaving?: () => void): () => void {
    if (this.isAlive) queueMicrotask(onAlive);
    else if (this.isLeaving) queueMicrotask(() => onLeaving?.());
    return () => {};
  }

  /** Called when the publisher is accepted. */
  onBegin = () => {};
  readonly #ticket: PublishTicket;

  constructor(vhost: VhostService, name = "show", request = requestFor(name)) {
    this.#ticket = vhost.publish(request, this);
  }

  onAccepted(handle: PublishHandle): void {
    this.handle = handle;
    this.onBegin();
  }

  onRefused(refusal: Refusal): void {
    this.refusals.push(refusal);
  }

  onReplaced(): void {
    this.isReplaced = true;
  }

  onRole(role: PublisherRole, cause: string): void {
    this.roles.push(`${role}: ${cause}`);
  }

  push(...messages: readonly TinyMessage[]): void {
    for (const { typeId, timestampMs, payload } of messages) {
      this.handle!.push(typeId, timestampMs, payload, timestampMs);
    }
  }

  leave(departure: Departure = "stopped"): void {
    this.#ticket.leave(departure);
  }
}

/** A remote vhost in memory, with origins `a` and `b`. */
export class VhostRig extends EdgeRig {
  readonly hub = createHub();
  readonly slates = new SlateStore();
  readonly vhost = new RemoteVhost({
    config: this.config,
    hub: this.hub,
    deps: this.deps,
    wheels: this.wheels,
    logger: this.log.logger,
    slates: { store: this.slates, logger: this.log.logger },
  });

  /** Connections to origins that the vhost has or is making. */
  get upstreamCount(): number {
    return this.vhost.upstreams().count;
  }

  /** Returns a player that has joined. */
  async play(name?: string): Promise<TestPlayer> {
    const player = new TestPlayer(this.vhost, name);
    await this.settle();
    return player;
  }

  /** Returns a publisher that has its answer, if there is one. */
  async publish(name?: string): Promise<TestPublisher> {
    const publisher = new TestPublisher(this.vhost, name);
    await this.settle();
    return publisher;
  }

  /** Checks that nothing is left after the linger time, when no client is. */
  async assertNothingLeft(): Promise<void> {
    await this.advance(LINGER_MS + 2_000);
    assertEquals(this.upstreamCount, 0);
    assertEquals(this.a.openCount + this.b.openCount, 0, "connections are left");
    assertEquals(this.clock.pendingCount, 0, "timers are left");
    assertEquals([...this.hub.streams()].length, 0, "streams are left");
  }
}
