import type { ClockChange } from "./timeline.ts";

/** How a source left. */
export type EndReason =
  /** For good: players are told that the stream is unpublished. */
  | "unpublished"
  /** Its connection broke, and another is at hand: players are told nothing, new ones may join. */
  | "lost"
  /** It may return at any time, or never: players are told nothing, new ones wait for it. */
  | "away";

/** The feeding end of a stream. */
export interface PublishHandle {
  /**
   * Appends a message: type 8 (audio), 9 (video) or 18 (data). Synchronous and without back
   * pressure, as live media is. `payload` is copied before this returns. Without effect once
   * closed. `arrivalMs` is when it arrived, in ms of a clock that never goes back.
   *
   * @returns the message's stream time, u32.
   */
  push(typeId: number, timestampMs: number, payload: Uint8Array, arrivalMs: number): number;
  /**
   * Calls `run` once when the stream has caught up with its publisher, or is closed. Only streams
   * in other threads fall behind.
   *
   * @returns false when it has; then `run` is not called.
   */
  whenReady?(run: () => void): boolean;
  /** Whether anyone watches the stream here; absent where that is unknown. */
  readonly hasAudience?: boolean;
  /** The source has left. Without effect when called again. */
  end(reason: EndReason): void;
  /** True after {@linkcode end}. */
  readonly isClosed: boolean;
}

/** A change of a stream's source, for observers that copy the stream elsewhere. */
export type SourceChange =
  /** A source begins to feed the stream. */
  | { readonly type: "began" }
  /** Another source continues what the lost one sent. */
  | { readonly type: "resumed" }
  | { readonly type: "ended"; readonly reason: EndReason }
  /** The stream no longer waits for the source that was away. */
  | { readonly type: "unpublished" };

/** How a publisher joined what another one, or the same one before, had delivered. */
export interface SourceSwitch {
  /** `spliced`: with the very next frame. `restarted`: at a keyframe of another encode. */
  readonly how: "spliced" | "restarted";
  /** How long nothing could be delivered, in ms. */
  readonly silenceMs: number;
  /** Frames that players never got; estimated after `restarted`. */
  readonly lostFrames: number;
  /** Frames that players got twice; at the beginning of what follows, as far as it is known. */
  readonly doubledFrames: number;
}

/** Copies a stream elsewhere, and needs to know about its source what the bytes do not tell. */
export interface StreamObserver {
  /** Called in order with the bytes: the log holds those before the change, none after it. */
  onSourceChange(change: SourceChange): void;
  /** Stream time was corrected, because the clock of a track did not continue. */
  onClockChange?(change: ClockChange): void;
  /** Another publisher has joined what the stream delivered before. */
  onSourceSwitch?(change: SourceSwitch): void;
}
