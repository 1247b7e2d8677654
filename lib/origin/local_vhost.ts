import type { Clock } from "../base/clock.ts";
import type { VhostConfig } from "../config/config.ts";
import type { Hub } from "../hub/hub.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { type CheckRoom, NameReservations } from "../server/name_reservations.ts";
import { PublisherSlot } from "../server/publisher_slot.ts";
import { Slate, type SlateDeps } from "../server/slate.ts";
import { refuseBusy } from "../server/takeover.ts";
import type {
  NameReservation,
  PublishAnswer,
  PublishTicket,
  VhostService,
} from "../server/vhost_service.ts";
import { StreamFeeder } from "../splice/stream_feeder.ts";

/** Options of {@linkcode LocalVhost}. */
interface LocalVhostOptions {
  readonly config: VhostConfig;
  readonly hub: Hub;
  readonly clock: Clock;
  /** For `play.fallback`; without them, no slate is shown. */
  readonly slates?: SlateDeps;
}

/** What feeds a stream. */
interface StreamSources {
  readonly feeder: StreamFeeder;
  readonly slate: Slate | null;
}

/** An origin: publishers and players of a stream meet in its hub. */
export class LocalVhost implements VhostService {
  readonly #hub: Hub;
  readonly #clock: Clock;
  /** By stream name; those in use. */
  readonly #slots = new Map<string, PublisherSlot>();
  /** Those of streams that were published. */
  readonly #sources = new WeakMap<Stream, StreamSources>();
  readonly #slates: SlateDeps | undefined;
  readonly #reservations: NameReservations;
  #config: VhostConfig;

  constructor({ config, hub, clock, slates }: LocalVhostOptions) {
    this.#slates = slates;
    this.#reservations = new NameReservations(clock);
    this.#config = config;
    this.#hub = hub;
    this.#clock = clock;
  }

  get config(): VhostConfig {
    return this.#config;
  }

  configure(config: VhostConfig): void {
    this.#config = config;
  }

  upstreams(): null {
    return null;
  }

  check(): null {
    return null;
  }

  reserve(request: StreamRequest, onRoom: (hasRoom: boolean) => void): NameReservation {
    const { name } = request;
    const checkRoom: CheckRoom = (onChecked) =>
      this.#slots.get(name)?.checkRoom(request, onChecked) ?? null;
    return this.#reservations.reserve(name, checkRoom, onRoom);
  }

  play(request: StreamRequest, viewer: Viewer): Stream {
    const stream = this.#hub.open(request.name);
    stream.join(viewer);
    // Later: the caller does not have the stream yet.
    if (request.wantsAnswer && !stream.isLive) {
      queueMicrotask(() => stream.isLive || viewer.onMissing?.(true));
    }
    return stream;
  }

  leave(stream: Stream, viewer: Viewer): void {
    stream.leave(viewer);
    // The hub has dropped it.
    if (stream.viewerCount === 0) this.#slots.get(stream.name)?.stopWaiting();
  }

  publish(request: StreamRequest, answer: PublishAnswer): PublishTicket {
    const { name } = request;
    const slot = this.#slotFor(name);
    if (!slot.standBy(answer, request)) {
      if (!slot.makeRoom(request)) {
        answer.onRefused(refuseBusy(name));
        return { leave() {} };
      }
      // Only now: without viewers, the hub drops the stream when the publisher is evicted.
      slot.take(answer, this.#sourcesOf(this.#hub.open(name)).feeder, request);
    }
    return { leave: (departure) => slot.leave(answer, departure) };
  }

  /** As {@linkcode PublisherSlot.vouch}, for the publisher of stream `name`. */
  vouch(name: string, answer: () => void, deny: () => void): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) answer();
    else slot.vouch(answer, deny);
  }

  /** As {@linkcode PublisherSlot.endWait}, for the publisher of stream `name`. */
  endWait(name: string): void {
    this.#slots.get(name)?.endWait();
  }

  close(): Promise<void> {
    for (const slot of this.#slots.values()) slot.close();
    this.#slots.clear();
    for (const stream of this.#hub.streams()) this.#sources.get(stream)?.slate?.close();
    return Promise.resolve();
  }

  #sourcesOf(stream: Stream): StreamSources {
    let sources = this.#sources.get(stream);
    if (sources === undefined) {
      const feeder = new StreamFeeder(stream);
      sources = { feeder, slate: this.#createSlate(feeder) };
      sources.slate?.start();
      this.#sources.set(stream, sources);
    }
    return sources;
  }

  #createSlate(feeder: StreamFeeder): Slate | null {
    if (this.#slates === undefined) return null;
    const { name } = feeder.stream;
    const { store, logger } = this.#slates;
    return new Slate({
      feeder,
      store,
      logger: logger.for("slate", name),
      clock: this.#clock,
      settings: () => this.#config.play,
      isAwaited: () => this.#slots.get(name)?.isAway ?? false,
    });
  }

  #slotFor(name: string): PublisherSlot {
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = new PublisherSlot({
        clock: this.#clock,
        settings: () => this.#config.publish,
        onFree: () => this.#slots.delete(name),
        isSlateNext: (stream) => this.#sources.get(stream)?.slate?.follows ?? false,
      });
      this.#slots.set(name, slot);
    }
    return slot;
  }
}
