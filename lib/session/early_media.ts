/** Media that came while a publish was undecided. */

/** Receives one message after the other. */
export interface MediaReceiver {
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
}

/** Most that is kept: some seconds of an encoder, which is what a decision takes at most. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** What a message costs besides its payload, so that empty ones do not come for nothing. */
const MESSAGE_OVERHEAD_BYTES = 64;

/**
 * Keeps the first messages of a publisher that does not wait for its answer. nginx-rtmp's and SRS's
 * relays send right behind `publish`, and sequence headers come once: without them nobody could ever
 * decode the stream.
 */
export class EarlyMedia {
  #messages: { typeId: number; timestampMs: number; payload: Uint8Array }[] = [];
  #keptBytes = 0;

  /** Keeps a copy. What does not fit any more is dropped: the headers are among what came first. */
  add(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#keptBytes += payload.length + MESSAGE_OVERHEAD_BYTES;
    if (this.#keptBytes > MAX_KEPT_BYTES) return;
    this.#messages.push({ typeId, timestampMs, payload: payload.slice() });
  }

  /** Hands out all messages, oldest first, and keeps none. */
  drain(receiver: MediaReceiver): void {
    const messages = this.#messages;
    if (messages.length === 0) return;
    this.#messages = [];
    for (const { typeId, timestampMs, payload } of messages) {
      receiver.onMedia(typeId, timestampMs, payload);
    }
  }
}
