/** Receives the messages in order. */
interface MediaReceiver {
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
}

/** Most bytes kept: a few seconds of media, the longest time that a decision takes. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Memory of a message besides its payload, so that empty ones count too. */
const MESSAGE_OVERHEAD_BYTES = 64;

/**
 * Keeps the first messages of a publisher that does not wait for the answer to `publish`. The
 * relays of nginx-rtmp and SRS send media immediately. Sequence headers are sent only once, and
 * without them the stream cannot be decoded.
 */
export class EarlyMedia {
  #messages: { typeId: number; timestampMs: number; payload: Uint8Array }[] = [];
  #keptBytes = 0;

  /** Keeps a copy. Drops messages beyond the limit: the headers are among the first. */
  add(typeId: number, timestampMs: number, payload: Uint8Array): void {
    this.#keptBytes += payload.length + MESSAGE_OVERHEAD_BYTES;
    if (this.#keptBytes > MAX_KEPT_BYTES) return;
    this.#messages.push({ typeId, timestampMs, payload: payload.slice() });
  }

  /** Passes all messages to `receiver`, oldest first, and keeps none. */
  drain(receiver: MediaReceiver): void {
    const messages = this.#messages;
    if (messages.length === 0) return;
    this.#messages = [];
    for (const { typeId, timestampMs, payload } of messages) {
      receiver.onMedia(typeId, timestampMs, payload);
    }
  }
}
