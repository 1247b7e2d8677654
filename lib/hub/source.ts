import type { EndReason, PublishHandle } from "./publisher.ts";
import type { StreamRequest } from "./stream_request.ts";

/** The stream that a {@linkcode Source} feeds. */
interface SourceHost {
  append(typeId: number, sourceMs: number, payload: Uint8Array, arrivalMs: number): number;
  endSource(reason: EndReason): void;
}

/** The handle of what feeds a stream. */
export class Source implements PublishHandle {
  readonly request: StreamRequest | null;
  /** It is shown in place of a source that is gone. */
  readonly isSlate: boolean;
  readonly #host: SourceHost;
  #isClosed = false;

  constructor(host: SourceHost, request: StreamRequest | null, isSlate: boolean) {
    this.#host = host;
    this.request = request;
    this.isSlate = isSlate;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array, arrivalMs: number): number {
    return this.#isClosed ? 0 : this.#host.append(typeId, timestampMs, payload, arrivalMs);
  }

  end(reason: EndReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#host.endSource(reason);
  }

  /** Feeds the stream no longer; another source does. */
  detach(): void {
    this.#isClosed = true;
  }
}
