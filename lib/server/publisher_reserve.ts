import type { Clock } from "../base/clock.ts";
import type { Stream } from "../hub/stream.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { SplicedPublish } from "../splice/spliced_publish.ts";
import type { StreamFeeder } from "../splice/stream_feeder.ts";
import { TakeoverProbe } from "./takeover.ts";
import type { ClientCheck, PublishAnswer } from "./vhost_service.ts";

/** A publisher that was accepted: it feeds the stream, joins it, or stands by. */
export interface AcceptedPublisher {
  readonly publisher: PublishAnswer;
  readonly request: StreamRequest;
  readonly handle: SplicedPublish;
  readonly feeder: StreamFeeder;
  readonly stream: Stream;
  /** When it was accepted, or took over. */
  readonly sinceMs: number;
}

/** The place of the one publisher that stands by for the present one. A dead one is evicted. */
export class PublisherReserve {
  readonly #clock: Clock;
  #present: AcceptedPublisher | null = null;
  /** Of the present one; null when there was no further publisher. */
  #probe: TakeoverProbe | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get isTaken(): boolean {
    return this.#present !== null;
  }

  /** Whether the place is free, or its publisher sends the same over another connection now. */
  admits(request: StreamRequest): boolean {
    return this.#present === null || isSameBroadcast(this.#present.request, request);
  }

  /** Finds out whether a newcomer may have the place, as `PublisherSlot.checkRoom` does. */
  checkRoom(request: StreamRequest, onRoom: (hasRoom: boolean) => void): ClientCheck | null {
    const present = this.#present;
    if (present === null || this.admits(request)) return null;
    this.#probe ??= new TakeoverProbe(this.#clock, present.publisher, () => {
      this.#present = null;
      present.handle.detach();
      present.publisher.onReplaced();
    });
    return this.#probe.wait(onRoom);
  }

  /** Gives the place to `next`. @returns the one that had it */
  put(next: AcceptedPublisher): AcceptedPublisher | null {
    const before = this.take();
    this.#present = next;
    return before;
  }

  /** Frees the place. @returns the one that had it */
  take(): AcceptedPublisher | null {
    const before = this.#present;
    const probe = this.#probe;
    this.#present = null;
    this.#probe = null;
    probe?.settle(true);
    return before;
  }

  /** The publisher has left. @returns whether it had the place */
  leave(publisher: PublishAnswer): boolean {
    if (this.#present?.publisher !== publisher) return false;
    this.take()!.handle.detach();
    return true;
  }

  /** Forgets all; newcomers are refused. */
  close(): void {
    this.#present = null;
    this.#probe?.settle(false);
    this.#probe = null;
  }
}

/** Whether two publishers are one, over two connections. */
function isSameBroadcast({ broadcastId }: StreamRequest, other: StreamRequest): boolean {
  return broadcastId !== undefined && broadcastId === other.broadcastId;
}
