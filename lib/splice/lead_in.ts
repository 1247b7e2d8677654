import { diffU32 } from "../base/u32.ts";
import { classifyVideo, isFrame, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { HeldHeaders } from "./held_headers.ts";
import type { HeldMessage } from "./held_message.ts";

/** A source that sends audio without video for this long, in ms, has no video. */
const AUDIO_ONLY_MS = 1_000;

/** Holds a source back until its keyframe, so that decoders can continue with it. */
export class LeadIn {
  readonly #headers = new HeldHeaders();
  #hasVideo = false;
  /** Of the first audio frame; null before. */
  #audioMs: number | null = null;

  /**
   * Takes the next message. @returns the headers to deliver before it, when it is the one to begin
   * with; null when it is to be dropped
   */
  offer(typeId: number, timestampMs: number, payload: Uint8Array): readonly HeldMessage[] | null {
    if (typeId === MessageType.VIDEO) this.#hasVideo = true;
    if (!isFrame(typeId, payload)) {
      this.#headers.note(typeId, timestampMs, payload);
      return null;
    }
    return this.#beginsAt(typeId, timestampMs, payload) ? this.#headers.before(timestampMs) : null;
  }

  #beginsAt(typeId: number, timestampMs: number, payload: Uint8Array): boolean {
    if (typeId === MessageType.VIDEO) return classifyVideo(payload) === VideoKind.keyframe;
    if (this.#hasVideo) return false;
    this.#audioMs ??= timestampMs;
    return diffU32(timestampMs, this.#audioMs) >= AUDIO_ONLY_MS;
  }
}
