import type { Stream } from "../hub/stream.ts";
import type { Viewer } from "../hub/viewer.ts";
import { MessageType, UserControlEvent } from "../rtmp/constants.ts";
import { payloadOf, splitMessages } from "../rtmp/encoded_messages.ts";
import type { Segmenter } from "./segmenter.ts";

const PART_MESSAGES = 128;
const REST_PARTS = 32;

/** Follows a stream's log like any viewer and passes its messages to a segmenter. */
export class HlsStream implements Viewer {
  readonly isPassive = true;
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
    this.#readRest();
    this.#begin();
    this.#isOver = false;
  }

  /** Reads a part of what is new, less than a millisecond of work. @returns whether that was all */
  readPart(): boolean {
    const { log } = this.#stream;
    if (this.#cursor < log.tail) this.#begin();
    else this.#cursor += this.#read(log.view(this.#cursor), PART_MESSAGES);
    return this.#cursor < 0 || this.#cursor >= log.head;
  }

  /** Reads the rest, ends the current segment and leaves the stream. */
  leave(): void {
    this.#readRest();
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

  /** Seconds of a stream. Of a flood, what is further behind is left out. */
  #readRest(): void {
    for (let i = 0; i < REST_PARTS && !this.readPart(); i++);
  }

  /** @returns the bytes read. */
  #read(view: Uint8Array, maxCount = Infinity): number {
    let count = 0;
    for (const message of splitMessages(view, this.#chunkSize, maxCount)) {
      count += message.bytes.length;
      const payload = payloadOf(message, this.#chunkSize);
      if (message.typeId !== MessageType.USER_CONTROL) {
        this.#segmenter.push(message.typeId, message.timestampMs, payload);
      } else if (payload[1] === UserControlEvent.STREAM_EOF) {
        this.#segmenter.breakOff();
        this.#isOver = true;
      }
    }
    return count;
  }
}
