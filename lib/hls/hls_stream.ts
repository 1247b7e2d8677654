/** Follows a stream's log, as every viewer does, and hands its messages to a segmenter. */

import { payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { Stream, Viewer } from "../hub/stream.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import type { Segmenter } from "./segmenter.ts";

/** See the file comment. */
export class HlsStream implements Viewer {
  readonly #stream: Stream;
  readonly #segmenter: Segmenter;
  readonly #chunkSize: number;
  #cursor = -1;
  #isOver = false;

  /** @param chunkSize that of the stream's log, in bytes */
  constructor(stream: Stream, segmenter: Segmenter, chunkSize: number) {
    this.#stream = stream;
    this.#segmenter = segmenter;
    this.#chunkSize = chunkSize;
    stream.join(this);
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** The stream is unpublished, and all of it was read. */
  get isOver(): boolean {
    return this.#isOver;
  }

  onLive(): void {
    this.poll();
    this.#begin();
    this.#isOver = false;
  }

  /** Reads what is new. To be called a few times a second. */
  poll(): void {
    const { log } = this.#stream;
    if (this.#cursor < log.tail) return this.#begin();
    for (let view = log.view(this.#cursor); view.length > 0; view = log.view(this.#cursor)) {
      this.#cursor += view.length;
      this.#read(view);
    }
  }

  /** Ends the segment that was begun and follows no longer. */
  leave(): void {
    this.#segmenter.breakOff();
    this.#cursor = -1;
    this.#stream.leave(this);
  }

  /** Goes on at the newest place to begin, if there is one: another source, or too late for some bytes. */
  #begin(): void {
    const entry = this.#stream.joinPoint;
    if (this.#cursor >= 0) this.#segmenter.breakOff();
    this.#cursor = entry?.offset ?? -1;
    if (entry !== null) this.#read(this.#stream.preamble(entry));
  }

  #read(view: Uint8Array): void {
    for (const message of splitMessages(view, this.#chunkSize)) {
      const payload = payloadOf(message, this.#chunkSize);
      if (message.typeId !== MessageType.USER_CONTROL) {
        this.#segmenter.push(message.typeId, message.timestampMs, payload);
      } else if (payload[1] === UserControlEvent.STREAM_EOF) {
        this.#segmenter.breakOff();
        this.#isOver = true;
      }
    }
  }
}
