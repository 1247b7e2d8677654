import type { CancelTimer } from "../base/clock.ts";
import type { ForwardDestination } from "../config/forward_config.ts";
import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { UpstreamSnapshot } from "../upstream/upstream_snapshot.ts";
import type { StreamCopy } from "./stream_copy.ts";

/** A stream that is published, with its copies. As a viewer, it keeps the stream until its end. */
export class ForwardedStream implements Viewer {
  readonly cursor = -1;
  readonly stream: Stream;
  /** By the text of the destination. */
  readonly copies = new Map<string, StreamCopy>();
  /** Where it goes, by what `backend` answered; null when that was not asked. */
  answered: readonly ForwardDestination[] | null = null;
  /** Texts of destinations that have another stream, once that was logged. */
  readonly passedOver = new Set<string>();
  /** Cancels the next question to `backend`. */
  cancelAsk: CancelTimer = () => {};
  #request: StreamRequest;

  constructor(stream: Stream, request: StreamRequest) {
    this.stream = stream;
    this.#request = request;
  }

  /** That of the newest source. */
  get request(): StreamRequest {
    return this.#request;
  }

  get snapshots(): UpstreamSnapshot[] {
    return [...this.copies.values()].flatMap(({ snapshots }) => snapshots);
  }

  onLive(): void {}

  /** A source begins, or continues. */
  begin(request: StreamRequest): void {
    this.#request = request;
    for (const copy of this.copies.values()) copy.begin();
  }

  /** Ends the copies that are not for `destinations`. */
  keepOnly(destinations: ReadonlySet<string>): void {
    for (const [text, copy] of this.copies) {
      if (destinations.has(text)) continue;
      this.copies.delete(text);
      copy.stop();
    }
  }
}
