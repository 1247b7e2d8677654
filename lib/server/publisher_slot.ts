import type { CancelTimer, Clock } from "../base/clock.ts";
import type { PublishConfig } from "../config/config.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { JoinOptions } from "../splice/joiner.ts";
import { SplicedPublish } from "../splice/spliced_publish.ts";
import type { StreamFeeder } from "../splice/stream_feeder.ts";
import { type AcceptedPublisher, PublisherReserve } from "./publisher_reserve.ts";
import { joinLimits } from "./join_patience.ts";
import { dismissWhenSilent, TakeoverProbe } from "./takeover.ts";
import type { ClientCheck, Departure, PublishAnswer } from "./vhost_service.ts";
import { Vouching } from "./vouching.ts";

/** Options of {@linkcode PublisherSlot}. */
interface PublisherSlotOptions {
  readonly clock: Clock;
  /** The settings in force. */
  readonly settings: () => PublishConfig;
  /**
   * The publisher left or was not waited for any longer; players know, unless no one told them to
   * wait.
   */
  readonly onFree: () => void;
  /** The publisher's connection is lost: it is waited for, here. */
  readonly onAway?: () => void;
  /** Whether a slate follows the publisher: then players are not told that the stream has ended. */
  readonly isSlateNext: (stream: Stream) => boolean;
}

/** A publisher feeds the stream, or joins what was delivered before. */
interface TakenSlot extends AcceptedPublisher {
  readonly type: "taken";
}

/**
 * A publisher that feeds nothing for this long, in ms, gives way to its reserve: longer than a
 * network's hiccup, and shorter than players buffer.
 */
const STANDBY_SILENCE_MS = 1_000;

/** See the diagram at {@linkcode PublisherSlot}. */
type SlotState =
  | { readonly type: "free" }
  /** `publisher` waits until an origin accepts. */
  | { readonly type: "asked"; readonly publisher: PublishAnswer }
  | TakenSlot
  /** The publisher's connection is lost; it may return. */
  | { readonly type: "away"; readonly stream: Stream; readonly cancelGrace: CancelTimer };

/**
 * The one publisher of a stream name: who has the name, who may take it over, and how long players
 * wait for a publisher whose connection was lost.
 *
 * ```
 *            ask()            take()
 *    free ──────────► asked ─────────► taken ─── lost ──► away
 *     │ ▲               │               ▲ │               │ │
 *     │ │◄──── left ────┘               │ │               │ │
 *     │ │◄───────────── stopped ────────┼─┘               │ │
 *     │ │◄──── grace is over ───────────┼─────────────────┘ │
 *     └─┼───────────── take() ─────────►│◄─ makeRoom(), ────┘
 *                                           then take()
 *
 *    taken ── makeRoom() evicts the publisher, then take() ──► taken
 *    taken ── take() for the same broadcast ──► taken
 *    taken ── lost, stopped or silent with a reserve, which takes over ──► taken
 * ```
 *
 * What edges push is joined to what the stream has delivered, see `splice/`. A push of the same
 * broadcast as the present one comes over another connection, because an edge moves it or has lost
 * the first one: it is let in, and the first feeds the stream until it has caught up.
 *
 * With `takeover standby`, a second publisher stands by. One that was silent, and so lost the
 * stream, is the reserve when it sends again.
 */
export class PublisherSlot {
  readonly #options: PublisherSlotOptions;
  #state: SlotState = { type: "free" };
  /** Of the present publisher; null when there was no newcomer. */
  #probe: TakeoverProbe | null = null;
  /** That of the newest publisher; undefined when it had none, or the name is free. */
  #broadcastId: string | undefined = undefined;
  /** Feeds the stream until the present publisher has caught up with it; null without one. */
  #before: TakenSlot | null = null;
  /** Stands by for the present publisher. */
  readonly #reserve: PublisherReserve;
  readonly #vouching = new Vouching();
  /** Publishers whose broadcast has come over another connection, and what cancels their end. */
  readonly #dismissed = new Map<PublishAnswer, CancelTimer>();

  constructor(options: PublisherSlotOptions) {
    this.#options = options;
    this.#reserve = new PublisherReserve(options.clock);
  }

  /** A publisher feeds the stream, or did and is waited for. */
  get isTaken(): boolean {
    return this.#state.type === "taken" || this.#state.type === "away";
  }

  /** The publisher is waited for. */
  get isAway(): boolean {
    return this.#state.type === "away";
  }

  /**
   * Finds out whether a newcomer may have the name. A live publisher keeps it; a dead one is
   * evicted: it is away, and players wait.
   *
   * @param onRoom Called once, after this has returned.
   * @returns null when there is room; then `onRoom` is not called.
   */
  checkRoom(request: StreamRequest, onRoom: (hasRoom: boolean) => void): ClientCheck | null {
    const state = this.#state;
    if (this.#isSameBroadcast(request)) return null;
    const { clock, settings } = this.#options;
    switch (state.type) {
      case "free":
      case "away":
        return null;
      case "asked":
        // It has sent nothing yet, so its silence says nothing.
        return { cancel: clock.after(0, () => onRoom(false)) };
      case "taken":
        if (settings().takeover === "replace") return null;
        if (settings().takeover === "standby") return this.#reserve.checkRoom(request, onRoom);
        this.#probe ??= new TakeoverProbe(clock, state.publisher, () => this.#evict());
        return this.#probe.wait(onRoom);
      default:
        return state satisfies never;
    }
  }

  /** As {@linkcode Vouching.ask}; denies at once for a publisher that is away. */
  vouch(answer: () => void, deny: () => void): void {
    if (this.#state.type === "taken") this.#vouching.ask(this.#state.publisher, answer, deny);
    else if (this.#state.type === "away") deny();
    else answer();
  }

  /**
   * Evicts the current publisher with `takeover replace`. @returns whether the name is free now; if
   * so, the caller takes it in the same turn
   */
  makeRoom(request: StreamRequest): boolean {
    const state = this.#state;
    if (this.#isSameBroadcast(request)) return true;
    switch (state.type) {
      case "free":
        return true;
      case "asked":
        // It has sent nothing yet, so its silence says nothing.
        return false;
      case "taken": {
        if (this.#options.settings().takeover !== "replace") return false;
        this.#endProbe();
        this.#state = { type: "free" };
        this.#endHandles(state, "away");
        state.publisher.onReplaced();
        return true;
      }
      case "away":
        state.cancelGrace();
        this.#state = { type: "free" };
        return true;
      default:
        return state satisfies never;
    }
  }

  /**
   * Accepts `publisher` as the reserve of the present one, with `takeover standby`.
   *
   * @returns false when it is to take the stream, or is to be refused
   */
  standBy(publisher: PublishAnswer, request: StreamRequest): boolean {
    const state = this.#state;
    const { takeover } = this.#options.settings();
    if (state.type !== "taken" || takeover !== "standby") return false;
    if (this.#isSameBroadcast(request)) return false;
    if (!this.#reserve.admits(request)) return false;
    const reserve = this.#createTaken(publisher, state.feeder, request, null);
    const before = this.#reserve.put(reserve);
    if (before !== null) this.#dismiss(before);
    reserve.handle.standBy();
    publisher.onAccepted(reserve.handle);
    publisher.onRole?.("reserve", "");
    return true;
  }

  /** Reserves the name for `publisher`, which waits for {@linkcode take}. */
  ask(publisher: PublishAnswer): void {
    this.#state = { type: "asked", publisher };
  }

  /**
   * Lets `publisher` feed the stream, and tells it so.
   *
   * @throws {Error} when something else feeds the stream, which is an internal error
   */
  take(publisher: PublishAnswer, feeder: StreamFeeder, request: StreamRequest): void {
    this.#keepBefore();
    const taken = this.#createTaken(publisher, feeder, request, this.#joinOptions(request));
    this.#probe = null;
    this.#broadcastId = request.broadcastId;
    this.#state = taken;
    taken.handle.start();
    publisher.onAccepted(taken.handle);
  }

  #createTaken(
    publisher: PublishAnswer,
    feeder: StreamFeeder,
    request: StreamRequest,
    join: JoinOptions | null,
  ): TakenSlot {
    const handle = new SplicedPublish({
      feeder,
      request,
      join,
      onJoined: () => this.#dismissBefore(),
      onReady: (nowMs) => this.#checkSilence(nowMs),
    });
    const sinceMs = this.#options.clock.now();
    return { type: "taken", publisher, request, handle, feeder, stream: feeder.stream, sinceMs };
  }

  /**
   * The publisher left. Players wait for one whose connection was lost, within the grace time and
   * as long as there are any. Without effect for a publisher that was replaced.
   */
  leave(publisher: PublishAnswer, departure: Departure): void {
    this.#dismissed.get(publisher)?.();
    this.#dismissed.delete(publisher);
    if (this.#reserve.leave(publisher)) return;
    const state = this.#state;
    if (state.type === "asked" && state.publisher === publisher) return this.#free();
    if (state.type !== "taken") return;
    const before = this.#before;
    if (before?.publisher === publisher) {
      // The other connection continues what this one has sent.
      this.#before = null;
      return before.handle.giveWay();
    }
    if (state.publisher !== publisher) return;
    if (before !== null) {
      this.#before = null;
      this.#state = before;
      return state.handle.detach();
    }
    if (this.#reserve.isTaken) {
      state.handle.giveWay();
      return this.#promote(`the publisher ${departure === "lost" ? "is lost" : "has stopped"}`);
    }
    this.#depart(state, departure);
    this.#endProbe();
  }

  #depart({ handle, stream }: TakenSlot, departure: Departure): void {
    const { graceMs } = this.#options.settings();
    if (departure === "stopped" || graceMs === 0) {
      handle.end(this.#options.isSlateNext(stream) ? "away" : "unpublished");
      return this.#free();
    }
    handle.end("away");
    if (stream.viewerCount === 0) return this.#free();
    this.#await(stream, graceMs);
  }

  #await(stream: Stream, graceMs: number): void {
    const cancelGrace = this.#options.clock.after(graceMs, () => this.endWait());
    this.#state = { type: "away", stream, cancelGrace };
    this.#options.onAway?.();
    this.#vouching.denyAll();
  }

  /** The reserve has a message, and the present publisher may have sent none for long. */
  #checkSilence(nowMs: number): void {
    const state = this.#state;
    if (state.type !== "taken" || !this.#reserve.isTaken) return;
    const sinceMs = Math.max(state.feeder.lastDeliveryMs, state.sinceMs);
    if (nowMs - sinceMs < STANDBY_SILENCE_MS) return;
    this.#dismissBefore();
    state.handle.standBy();
    this.#promote("the publisher is silent");
    this.#reserve.put(state);
    state.publisher.onRole?.("reserve", "it was silent");
  }

  /** The reserve takes over; the present publisher feeds the stream no longer. */
  #promote(cause: string): void {
    const reserve = this.#reserve.take()!;
    const sinceMs = this.#options.clock.now();
    this.#state = { ...reserve, type: "taken", sinceMs };
    this.#broadcastId = reserve.request.broadcastId;
    reserve.publisher.onRole?.("feeding", cause);
    reserve.handle.takeOver(sinceMs);
  }

  /** The publisher is dead. The name is kept for the newcomer, with or without viewers. */
  #evict(): void {
    const state = this.#state;
    if (state.type !== "taken") return;
    if (this.#reserve.isTaken) {
      state.handle.giveWay();
      this.#promote("the publisher is dead");
    } else {
      this.#endHandles(state, "away");
      this.#await(state.stream, this.#options.settings().graceMs);
    }
    state.publisher.onReplaced();
  }

  /** The publisher is gone: the newcomer that waits for it gets the name. */
  #endProbe(): void {
    const probe = this.#probe;
    this.#probe = null;
    probe?.settle(true);
  }

  /** Waits no longer for a publisher that is away, and tells players. Else without effect. */
  endWait(): void {
    if (this.#state.type !== "away") return;
    const { stream, cancelGrace } = this.#state;
    cancelGrace();
    if (!this.#options.isSlateNext(stream)) stream.unpublish();
    this.#free();
  }

  /**
   * Waits no longer for a publisher that is away, and tells players nothing. Else without effect.
   */
  stopWaiting(): void {
    if (this.#state.type !== "away") return;
    this.#state.cancelGrace();
    this.#free();
  }

  /** Forgets the publisher and ends the timers. Newcomers are refused; no one else is called. */
  close(): void {
    if (this.#state.type === "away") this.#state.cancelGrace();
    this.#state = { type: "free" };
    this.#before = null;
    for (const cancel of this.#dismissed.values()) cancel();
    this.#dismissed.clear();
    this.#probe?.settle(false);
    this.#probe = null;
    this.#reserve.close();
  }

  /** Whether the present publisher sends the same over another connection. */
  #isSameBroadcast({ broadcastId }: StreamRequest): boolean {
    return this.#state.type === "taken" && broadcastId !== undefined &&
      broadcastId === this.#broadcastId;
  }

  /** Only edges send what was delivered before; an encoder begins another broadcast. */
  #joinOptions({ edgePath, broadcastId }: StreamRequest): JoinOptions | null {
    if (edgePath.length === 0) return null;
    const how = this.#before === null ? "after" : "beside";
    return { how, ...joinLimits(broadcastId, this.#broadcastId) };
  }

  /** The present publisher feeds the stream until the next one has caught up, if it does. */
  #keepBefore(): void {
    const state = this.#state;
    if (state.type !== "taken") return;
    // One that is still joining itself has nothing to give.
    if (state.handle.isJoining) return this.#dismiss(state);
    this.#before = state;
  }

  /** The present publisher has caught up with the one before. */
  #dismissBefore(): void {
    const before = this.#before;
    this.#before = null;
    if (before !== null) this.#dismiss(before);
  }

  #dismiss({ handle, publisher }: AcceptedPublisher): void {
    handle.detach();
    this.#dismissed.set(publisher, dismissWhenSilent(this.#options.clock, publisher));
  }

  #endHandles({ handle }: TakenSlot, reason: "away"): void {
    const before = this.#before;
    this.#before = null;
    handle.end(reason);
    if (before === null) return;
    before.handle.end(reason);
    this.#dismiss(before);
  }

  #free(): void {
    this.#state = { type: "free" };
    this.#broadcastId = undefined;
    this.#options.onFree();
  }
}
