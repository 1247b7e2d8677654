import type { Clock } from "../base/clock.ts";
import { AudienceReporter } from "../hub/audience_reporter.ts";
import type { EndReason, PublishHandle, SourceChange } from "../hub/publisher.ts";
import type { Stream } from "../hub/stream.ts";
import type { TimePair } from "../hub/timeline.ts";
import type { Audience, Viewer } from "../hub/viewer.ts";
import { MessageType } from "../rtmp/constants.ts";
import { isMedia, payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { FromOwnerEvent } from "./bridge_event.ts";

/** Options of {@linkcode Mirror}. */
interface MirrorOptions {
  readonly id: number;
  /** Filled with what the owner sends. */
  readonly stream: Stream;
  readonly chunkSize: number;
  readonly clock: Clock;
  /** Whether the owner is to say at once when no one has the stream. */
  readonly wantsAnswer: boolean;
  /** Asks the owner for the stream. */
  readonly open: (id: number, wantsAnswer: boolean) => void;
  /** Wants it no longer. */
  readonly close: (id: number) => void;
  /** Tells the owner who plays it here. */
  readonly onAudience: (id: number, audience: Audience) => void;
}

/**
 * The copy of a stream that another worker owns. One per worker and stream, however many play it
 * here.
 *
 * ```
 *              began                      ended, owner lost
 *   waiting ──────────▶ fed: #handle set ──────────────────▶ waiting
 *                         ▲                                     │
 *                         └───────── began, resumed ────────────┘
 * ```
 */
export class Mirror {
  id: number;
  /** Its players. */
  readonly viewers = new Set<Viewer>();
  readonly #options: MirrorOptions;
  /** Feeds the stream; null while the owner has no source. */
  #handle: PublishHandle | null = null;
  readonly #reporter: AudienceReporter;
  #wantsAnswer: boolean;
  /** The newest message, on the owner's clock and on ours. */
  #newest: TimePair | null = null;

  constructor(options: MirrorOptions) {
    this.id = options.id;
    this.#options = options;
    this.#wantsAnswer = options.wantsAnswer;
    this.#reporter = new AudienceReporter(options.stream);
  }

  open(): void {
    this.#options.open(this.id, this.#wantsAnswer);
  }

  /** Whether nothing has come so far, and the owner was not asked to say so. */
  get lacksAnswer(): boolean {
    return !this.#wantsAnswer && this.#handle === null && this.#newest === null;
  }

  /** Asks the owner again, under another id: what it has sent meanwhile is ignored. */
  askForAnswer(id: number): void {
    this.#options.close(this.id);
    this.id = id;
    this.#wantsAnswer = true;
    this.open();
  }

  onOwnerLost(): void {
    this.#end("lost");
  }

  handle(event: FromOwnerEvent): void {
    if (event.type === "bytes") this.#append(event.bytes);
    this.report();
    if (event.type === "change") this.#change(event.change);
    if (event.type !== "missing") return;
    for (const viewer of this.viewers) viewer.onMissing?.(event.isCertain);
  }

  /** Tells the owner who plays the stream here, when that is due: asked often. */
  report(): void {
    const { clock, onAudience } = this.#options;
    const audience = this.#reporter.due(clock.now(), this);
    if (audience !== null) onAudience(this.id, audience);
  }

  /** The last player left. */
  close(): void {
    this.#end("lost");
    this.#options.close(this.id);
  }

  #change(change: SourceChange): void {
    const { stream } = this.#options;
    switch (change.type) {
      case "began":
        this.#handle = stream.publish();
        return;
      case "resumed":
        this.#handle = this.#newest === null ? stream.publish() : stream.resume(this.#newest);
        return;
      case "ended":
        return this.#end(change.reason);
      case "unpublished":
        return stream.unpublish();
      default:
        change satisfies never;
    }
  }

  #append(bytes: Uint8Array): void {
    const { chunkSize, clock } = this.#options;
    const nowMs = clock.now();
    for (const message of splitMessages(bytes, chunkSize)) {
      const { typeId, timestampMs } = message;
      // The stream here makes its own statuses for players.
      if (!isMedia(typeId)) continue;
      const payload = payloadOf(message, chunkSize);
      const streamMs = this.#handle!.push(typeId, timestampMs, payload, nowMs);
      if (typeId !== MessageType.DATA_AMF0) this.#newest = { sourceMs: timestampMs, streamMs };
    }
  }

  #end(reason: EndReason): void {
    this.#handle?.end(reason);
    this.#handle = null;
  }
}
