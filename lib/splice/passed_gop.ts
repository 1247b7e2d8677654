import { classifyVideo, isFrame, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { type HeldMessage, MAX_HELD_BYTES } from "./held_message.ts";

/**
 * What a stream can restart with among messages that were dropped as delivered before: the headers,
 * and the newest GOP.
 */
export class PassedGop {
  #messages: HeldMessage[] = [];
  #bytes = 0;

  /** Oldest first. */
  get messages(): readonly HeldMessage[] {
    return this.#messages;
  }

  /** Takes the next message; `payload` is copied. */
  note(typeId: number, timestampMs: number, payload: Uint8Array): void {
    const isKeyframe = typeId === MessageType.VIDEO &&
      classifyVideo(payload) === VideoKind.keyframe;
    if (isKeyframe || this.#bytes > MAX_HELD_BYTES) this.#dropFrames();
    this.#messages.push({ typeId, timestampMs, payload: payload.slice() });
    this.#bytes += payload.length;
  }

  #dropFrames(): void {
    this.#messages = this.#messages.filter(({ typeId, payload }) => !isFrame(typeId, payload));
    this.#bytes = this.#messages.reduce((sum, { payload }) => sum + payload.length, 0);
  }
}
