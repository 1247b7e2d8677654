/** What a stream asks of whoever feeds it: a publisher's connection, a puller, a test. */

/** How a source left. */
export type EndReason =
  /** By its own wish, or for good: players are told that the stream is unpublished. */
  | "unpublished"
  /** Its connection broke, and another is at hand: players are told nothing, new ones may begin. */
  | "lost"
  /** It may be back, nobody knows when: players are told nothing, new ones wait for it. */
  | "away";

/** The feeding end of a stream. */
export interface PublishHandle {
  /**
   * Appends a message: type 8 (audio), 9 (video) or 18 (data). Synchronous and without back pressure,
   * as live media is. `payload` is copied before this returns. Without effect once closed.
   *
   * @returns the message's stream time, u32.
   */
  push(typeId: number, timestampMs: number, payload: Uint8Array): number;
  /** The source is gone. Without effect when called again. */
  end(reason: EndReason): void;
  /** True after {@linkcode end}, or when another source took the stream over. */
  readonly isClosed: boolean;
}

/** What becomes of a stream's source, for those who copy the stream elsewhere. */
export type SourceChange =
  /** A source begins to feed the stream. */
  | { readonly type: "began" }
  /** Another source goes on with what the lost one sent. */
  | { readonly type: "resumed" }
  | { readonly type: "ended"; readonly reason: EndReason }
  /** The source that was away is waited for no longer. */
  | { readonly type: "unpublished" };
