import type { CancelTimer, Clock } from "../base/clock.ts";
import type { PublishConfig } from "../config/config.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { TakeoverProbe } from "./takeover.ts";
import type { ClientCheck, Departure, PublishAnswer } from "./vhost_service.ts";

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
}

/** A publisher feeds the stream. */
interface TakenSlot {
  readonly type: "taken";
  readonly publisher: PublishAnswer;
  readonly handle: PublishHandle;
  readonly stream: Stream;
}

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
 * ```
 */
export class PublisherSlot {
  readonly #options: PublisherSlotOptions;
  #state: SlotState = { type: "free" };
  /** Of the present publisher; null when there was no newcomer. */
  #probe: TakeoverProbe | null = null;

  constructor(options: PublisherSlotOptions) {
    this.#options = options;
  }

  /** A publisher feeds the stream, or did and is waited for. */
  get isTaken(): boolean {
    return this.#state.type === "taken" || this.#state.type === "away";
  }

  /**
   * Finds out whether a newcomer may have the name. A live publisher keeps it; a dead one is
   * evicted: it is away, and players wait.
   *
   * @param onRoom Called once, after this has returned.
   * @returns null when there is room; then `onRoom` is not called.
   */
  checkRoom(onRoom: (hasRoom: boolean) => void): ClientCheck | null {
    const state = this.#state;
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
        this.#probe ??= new TakeoverProbe(clock, state.publisher, () => this.#evict());
        return this.#probe.wait(onRoom);
      default:
        return state satisfies never;
    }
  }

  /**
   * Evicts the current publisher with `takeover replace`. @returns whether the name is free now; if
   * so, the caller takes it in the same turn
   */
  makeRoom(): boolean {
    const state = this.#state;
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
        state.handle.end("away");
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

  /** Reserves the name for `publisher`, which waits for {@linkcode take}. */
  ask(publisher: PublishAnswer): void {
    this.#state = { type: "asked", publisher };
  }

  /**
   * Lets `publisher` feed the stream, and tells it so.
   *
   * @throws {Error} when something else feeds the stream, which is an internal error
   */
  take(publisher: PublishAnswer, stream: Stream, request: StreamRequest): void {
    const handle = stream.publish(request);
    if (handle === null) {
      throw new Error(`Stream "${stream.name}" has a source beside its publisher`);
    }
    this.#probe = null;
    this.#state = { type: "taken", publisher, handle, stream };
    publisher.onAccepted(handle);
  }

  /**
   * The publisher left. Players wait for one whose connection was lost, within the grace time and
   * as long as there are any. Without effect for a publisher that was replaced.
   */
  leave(publisher: PublishAnswer, departure: Departure): void {
    const state = this.#state;
    if (state.type === "asked" && state.publisher === publisher) return this.#free();
    if (state.type !== "taken" || state.publisher !== publisher) return;
    this.#depart(state, departure);
    this.#endProbe();
  }

  #depart({ handle, stream }: TakenSlot, departure: Departure): void {
    const { graceMs } = this.#options.settings();
    if (departure === "stopped" || graceMs === 0) {
      handle.end("unpublished");
      return this.#free();
    }
    handle.end("away");
    if (stream.viewerCount === 0) return this.#free();
    this.#await(stream, graceMs);
  }

  #await(stream: Stream, graceMs: number): void {
    const cancelGrace = this.#options.clock.after(graceMs, () => {
      stream.unpublish();
      this.#free();
    });
    this.#state = { type: "away", stream, cancelGrace };
  }

  /** The publisher is dead. The name is kept for the newcomer, with or without viewers. */
  #evict(): void {
    const state = this.#state;
    if (state.type !== "taken") return;
    state.handle.end("away");
    this.#await(state.stream, this.#options.settings().graceMs);
    state.publisher.onReplaced();
  }

  /** The publisher is gone: the newcomer that waits for it gets the name. */
  #endProbe(): void {
    const probe = this.#probe;
    this.#probe = null;
    probe?.settle(true);
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
    this.#probe?.settle(false);
    this.#probe = null;
  }

  #free(): void {
    this.#state = { type: "free" };
    this.#options.onFree();
  }
}
