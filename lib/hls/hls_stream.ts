import type { Stream, Viewer } from "../hub/stream.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import { payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { Segmenter } from "./segmenter.ts";

/** Follows a stream's log like any viewer and passes its messages to a segmenter. */
export class HlsStream implements Viewer {
  readonly #stream: Stream;
  readonly #segmenter: Segmenter;
  readonly #chunkSize: number;
  #cursor = -1;
  #isOver = false;

  /** @param chunkSize Chunk size of the stream's log, in bytes. */
  constructor(stream: Stream, segmenter: Segmenter, chunkSize: number) {
    this.#stream = stream;
    this.#segmenter = segmenter;
    this.#chunkSize = chunkSize;
  }

  /** Joins the stream. */
  start(): void {
    this.#stream.join(this);
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Whether the stream is unpublished and everything was read. */
  get isOver(): boolean {
    return this.#isOver;
  }

  onLive(): void {
    this.poll();
    this.#begin();
    this.#isOver = false;
  }

  /** Reads what is new. Call it a few times a second. */
  poll(): void {
    const { log } = this.#stream;
    if (this.#cursor < log.tail) return this.#begin();
    for (let view = log.view(this.#cursor); view.length > 0; view = log.view(this.#cursor)) {
      this.#cursor += view.length;
      this.#read(view);
    }
  }

  /** Reads the rest, ends the current segment and leaves the stream. */
  leave(): void {
    this.poll();
    this.#segmenter.breakOff();
    this.#cursor = -1;
    this.#stream.leave(this);
  }

  /** Moves to the newest join point, if any: for a new source, or after bytes were missed. */
  #begin(): void {
    const point = this.#stream.joinPoint;
    if (this.#cursor >= 0) this.#segmenter.breakOff();
    this.#cursor = point?.offset ?? -1;
    if (point !== null) this.#read(this.#stream.preamble(point));
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
