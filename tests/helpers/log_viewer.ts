import type { Stream } from "../../lib/hub/stream.ts";
import type { Viewer } from "../../lib/hub/viewer.ts";
import { isMedia, MessageRecorder, statusCodesIn, type WireMessage } from "./wire_message.ts";

/**
 * A viewer without a socket. It reads a stream's log as a player does, from the newest join point
 * on. For streams with chunks of 60,000 bytes.
 */
export class LogViewer implements Viewer {
  /** How often a source started while this viewer was watching. */
  liveCount = 0;
  /** Called when a source starts. */
  onBegin: () => void = () => {};
  #stream: Stream | null = null;
  #cursor = -1;
  readonly #recorder = new MessageRecorder(60_000);

  get cursor(): number {
    return this.#cursor;
  }

  onLive(): void {
    this.liveCount++;
    if (this.#stream !== null) this.#read();
    this.onBegin();
  }

  /** Sets the stream, which is known only after joining it. */
  watch(stream: Stream): this {
    this.#stream = stream;
    this.#read();
    return this;
  }

  /** All messages so far. */
  get messages(): readonly WireMessage[] {
    this.#read();
    return this.#recorder.messages;
  }

  /** Audio, video and data messages so far. */
  get media(): WireMessage[] {
    return this.messages.filter(isMedia);
  }

  /** Status codes received so far. */
  get statuses(): string[] {
    return statusCodesIn(this.messages);
  }

  #read(): void {
    const stream = this.#stream!;
    if (this.#cursor < 0) {
      const entry = stream.joinPoint;
      if (entry === null) return;
      this.#recorder.push(stream.preamble(entry));
      this.#cursor = entry.offset;
    }
    for (let view = stream.log.view(this.#cursor); view.length > 0;) {
      this.#recorder.push(view);
      this.#cursor += view.length;
      view = stream.log.view(this.#cursor);
    }
  }
}
