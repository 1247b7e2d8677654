import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { PlayConfig } from "../config/config.ts";
import type { SourceChange, StreamObserver } from "../hub/publisher.ts";
import type { StreamFeeder } from "../splice/stream_feeder.ts";
import type { SlateFile } from "./slate_file.ts";
import type { SlateStore } from "./slate_store.ts";

/** What slates share. */
export interface SlateDeps {
  readonly store: SlateStore;
  readonly logger: Logger;
}

/** Options of {@linkcode Slate}. */
interface SlateOptions extends SlateDeps {
  readonly feeder: StreamFeeder;
  readonly clock: Clock;
  /** The settings in force. */
  readonly settings: () => PlayConfig;
  /** Whether a source may still return; then players are not told of the stream's end. */
  readonly isAwaited: () => boolean;
}

/** See the diagram at {@linkcode Slate}. */
type SlateState =
  | { readonly type: "idle" }
  | { readonly type: "waiting"; readonly file: SlateFile; readonly cancel: CancelTimer }
  | {
    readonly type: "shown";
    readonly file: SlateFile;
    readonly sinceMs: number;
    /** Frames shown, those of all rounds. */
    shown: number;
    cancel: CancelTimer;
  };

/** Between two turns, in ms at least: frames that are close together are shown together. */
const MIN_PAUSE_MS = 20;

/**
 * Shows a file in a loop to the players of a stream whose source is gone, until a source's next
 * keyframe or until no one watches.
 *
 * ```
 *             the source is gone               `fallback_after` is over
 *    idle ─────────────────────────► waiting ──────────────────────────► shown
 *     ▲                                 │                                  │
 *     │◄── a source begins, resumes ────┘                                  │
 *     └◄── a source's keyframe, or no audience ────────────────────────────┘
 * ```
 */
export class Slate implements StreamObserver {
  readonly #options: SlateOptions;
  #state: SlateState = { type: "idle" };
  /** Why the newest file did not fit; logged once. */
  #objection = "";
  #isClosed = false;

  constructor(options: SlateOptions) {
    this.#options = options;
  }

  /** Begins to follow the stream. Called once. */
  start(): void {
    this.#options.feeder.stream.observe(this);
  }

  /** Whether a source that leaves now is replaced by a slate, so that the stream does not end. */
  get follows(): boolean {
    return this.#state.type !== "idle" || this.#fittingFile() !== null;
  }

  /** Ends the slate and the wait for it; players are told nothing. */
  close(): void {
    this.#isClosed = true;
    this.#rest();
    this.#options.feeder.endSlate();
  }

  /** Called by the stream. */
  onSourceChange(change: SourceChange): void {
    const { feeder } = this.#options;
    if (change.type !== "ended") {
      // Not for the slate itself, nor for a source that waits for its keyframe.
      if (!feeder.stream.isOnSlate) this.#onSource();
      return;
    }
    if (change.reason !== "unpublished" && this.#state.type === "idle") this.#await();
  }

  #onSource(): void {
    const state = this.#state;
    this.#rest();
    if (state.type === "shown") this.#logEnd("a source is back", state.sinceMs);
  }

  #await(): void {
    const { clock, settings } = this.#options;
    const file = this.#isClosed ? null : this.#fittingFile();
    if (file === null) return;
    const cancel = clock.after(settings().fallbackAfterMs, () => this.#begin(file));
    this.#state = { type: "waiting", file, cancel };
  }

  /** Returns the file if it fits the stream and anyone watches. */
  #fittingFile(): SlateFile | null {
    const { feeder: { stream }, store, settings, logger } = this.#options;
    const { fallbackFile } = settings();
    const file = fallbackFile === "" ? null : store.find(fallbackFile);
    if (file === null || !stream.hasAudience) return null;
    const objection = file.differsFrom(stream.headers);
    if (objection === null) return file;
    if (objection !== this.#objection) {
      logger.warning(
        `Slate not shown: ${objection}; write a file with the codecs of the stream`,
        { file: fallbackFile },
      );
    }
    this.#objection = objection;
    return null;
  }

  #begin(file: SlateFile): void {
    const { feeder, clock, logger, settings } = this.#options;
    this.#state = { type: "idle" };
    if (settings().fallbackFile === "" || !feeder.stream.hasAudience) return this.#unpublish();
    const sinceMs = clock.now();
    this.#state = { type: "shown", file, sinceMs, shown: 0, cancel: () => {} };
    if (!feeder.beginSlate()) return this.#rest();
    feeder.stream.stats.slates++;
    logger.info("Slate shown", {
      file: settings().fallbackFile,
      after_ms: settings().fallbackAfterMs,
    });
    for (const { typeId, payload } of file.headers) {
      feeder.deliverSlate(typeId, 0, payload, sinceMs);
    }
    this.#show();
  }

  /** Shows what is due, and comes back for the next frame. */
  #show(): void {
    const { feeder, clock } = this.#options;
    const state = this.#state;
    if (state.type !== "shown") return;
    if (!feeder.stream.hasAudience) return this.#end("no one watches");
    if (this.#options.settings().fallbackFile === "") return this.#end("it was switched off");
    const { file, sinceMs } = state;
    const nowMs = clock.now();
    let dueMs = dueOf(file, state.shown);
    for (; dueMs <= nowMs - sinceMs; dueMs = dueOf(file, ++state.shown)) {
      const { typeId, payload } = file.frames[state.shown % file.frames.length]!;
      feeder.deliverSlate(typeId, dueMs, payload, nowMs);
    }
    const pauseMs = Math.max(MIN_PAUSE_MS, dueMs - (nowMs - sinceMs));
    state.cancel = clock.after(pauseMs, () => this.#show());
  }

  #end(cause: string): void {
    const state = this.#state;
    this.#rest();
    if (state.type === "shown") this.#logEnd(cause, state.sinceMs);
    this.#options.feeder.endSlate();
    this.#unpublish();
  }

  /** No slate follows: the stream has ended, unless its source may return. */
  #unpublish(): void {
    const { feeder, isAwaited } = this.#options;
    if (!isAwaited() && !feeder.isFeeding) feeder.stream.unpublish();
  }

  #rest(): void {
    if (this.#state.type !== "idle") this.#state.cancel();
    this.#state = { type: "idle" };
  }

  #logEnd(cause: string, sinceMs: number): void {
    const { clock, logger } = this.#options;
    logger.info("Slate ended", { cause, shown_ms: Math.round(clock.now() - sinceMs) });
  }
}

/** Returns when a frame is due after the beginning, in ms; frames are counted over all rounds. */
function dueOf({ frames, durationMs }: SlateFile, number: number): number {
  const round = Math.floor(number / frames.length);
  return round * durationMs + frames[number % frames.length]!.timestampMs;
}
