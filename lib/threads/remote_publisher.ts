import type { Clock } from "../base/clock.ts";
import type { PublishHandle } from "../hub/publisher.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Refusal } from "../rtmp/status.ts";
import type {
  Departure,
  PublishAnswer,
  PublisherRole,
  PublishTicket,
  VhostService,
} from "../server/vhost_service.ts";
import { TAKEN_BYTES, TAKEN_MESSAGES } from "./bridge_event.ts";
import type { BridgeLink } from "./bridge_link.ts";

/** Options of {@linkcode RemotePublisher}. */
interface RemotePublisherOptions {
  readonly id: number;
  readonly link: BridgeLink;
  readonly clock: Clock;
  /** It was refused or replaced. */
  readonly onEnded: () => void;
}

/** What waits for the answer to a probe; see `PublishAnswer.probe`. */
interface Probe {
  readonly onAlive: () => void;
  readonly onLeaving: (() => void) | undefined;
}

/**
 * A publisher that is connected to another worker and feeds a stream owned here: the counterpart of
 * that worker's `ProxiedPublisher`.
 *
 * ```
 *   asking ── accepted ──▶ publishing (#handle set) ── replaced, left ──▶ ended
 *      └────────────────── refused, left ───────────────────────────────▶ ended
 * ```
 */
export class RemotePublisher implements PublishAnswer {
  readonly #options: RemotePublisherOptions;
  #ticket: PublishTicket | null = null;
  #handle: PublishHandle | null = null;
  /** What the other worker was told; null before the first message. */
  #isWatched: boolean | null = null;
  /** Messages that were not confirmed, and their bytes. */
  #messages = 0;
  #bytes = 0;
  /** Wait for the answer to a probe. */
  #probes = new Set<Probe>();

  constructor(options: RemotePublisherOptions) {
    this.#options = options;
  }

  /** Asks the vhost. The answer may arrive synchronously. */
  ask(service: VhostService, request: StreamRequest): void {
    this.#ticket = service.publish(request, this);
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const { id, link, clock } = this.#options;
    this.#handle?.push(typeId, timestampMs, payload, clock.now());
    const isWatched = this.#handle?.hasAudience === true;
    if (isWatched !== this.#isWatched) link.send({ type: "watched", id, isWatched });
    this.#isWatched = isWatched;
    this.#messages++;
    this.#bytes += payload.length;
    if (this.#messages < TAKEN_MESSAGES && this.#bytes < TAKEN_BYTES) return;
    link.send({ type: "taken", id, messages: this.#messages, bytes: this.#bytes });
    this.#messages = this.#bytes = 0;
  }

  /** The publisher left, or its worker is gone. */
  leave(departure: Departure): void {
    this.#ticket?.leave(departure);
  }

  probe(onAlive: () => void, onLeaving?: () => void): () => void {
    const { id, link } = this.#options;
    const probe = { onAlive, onLeaving };
    this.#probes.add(probe);
    link.send({ type: "probe", id });
    return () => void this.#probes.delete(probe);
  }

  /** The publisher has answered the probe. */
  onAnswer(answer: "alive" | "leaving"): void {
    const waiting = this.#probes;
    this.#probes = new Set();
    for (const { onAlive, onLeaving } of waiting) {
      if (answer === "alive") onAlive();
      else onLeaving?.();
    }
  }

  onAccepted(handle: PublishHandle): void {
    const { id, link } = this.#options;
    this.#handle = handle;
    link.send({ type: "accepted", id });
  }

  onRefused(refusal: Refusal): void {
    const { id, link, onEnded } = this.#options;
    link.send({ type: "refused", id, refusal });
    onEnded();
  }

  onRole(role: PublisherRole, cause: string): void {
    const { id, link } = this.#options;
    link.send({ type: "role", id, role, cause });
  }

  onReplaced(): void {
    const { id, link, onEnded } = this.#options;
    link.send({ type: "replaced", id });
    onEnded();
  }
}
