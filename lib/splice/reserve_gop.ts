import { diffU32 } from "../base/u32.ts";
import { classifyVideo, isFrame, VideoKind } from "../media/flv_tag.ts";
import { MessageType } from "../rtmp/constants.ts";
import { HeldHeaders } from "./held_headers.ts";
import type { HeldMessage } from "./held_message.ts";

/** GOPs are kept this far back, in ms: as long as it takes to notice that a publisher is silent. */
export const KEEP_BACK_MS = 1_500;

/** Most bytes kept. Longer GOPs are dropped, and the next keyframe is waited for. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Audio frames kept of a stream without video: some 4 s. */
const MAX_AUDIO_FRAMES = 200;

/** One GOP: begins with a keyframe, or with any frame of a stream without video. */
interface Gop {
  readonly messages: HeldMessage[];
  bytes: number;
}

/**
 * The newest GOP of a publisher that stands by, and those before it as far back as a silence may
 * last, with the headers in force before them: what it can take over with.
 */
export class ReserveGop {
  /** In force before the first GOP. */
  readonly #headers = new HeldHeaders();
  /** Oldest first. */
  #gops: Gop[] = [];
  #hasVideo = false;

  /** Whether there is a frame that a player can start with. */
  get canBegin(): boolean {
    return this.#gops.length > 0;
  }

  /** All of it, oldest first. Headers are stamped as the first frame. */
  get messages(): readonly HeldMessage[] {
    const gops = this.#gops.flatMap(({ messages }) => messages);
    return [...this.#headers.before(gops[0]?.timestampMs ?? 0), ...gops];
  }

  /** Forgets all but the newest GOP. */
  keepNewest(): void {
    while (this.#gops.length > 1) this.#dropOldest();
  }

  /** Takes the next message; `payload` is copied. */
  note(typeId: number, timestampMs: number, payload: Uint8Array): void {
    if (isFrame(typeId, payload) && this.#beginsGop(typeId, payload)) {
      this.#gops.push({ messages: [], bytes: 0 });
      this.#dropOld(timestampMs);
    }
    const gop = this.#gops.at(-1);
    if (gop === undefined) return this.#headers.note(typeId, timestampMs, payload);
    gop.messages.push({ typeId, timestampMs, payload: payload.slice() });
    gop.bytes += payload.length;
    while (this.#bytes > MAX_BYTES) this.#dropOldest();
  }

  get #bytes(): number {
    return this.#gops.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #beginsGop(typeId: number, payload: Uint8Array): boolean {
    if (typeId === MessageType.VIDEO) {
      // Until now, audio frames alone were GOPs.
      while (!this.#hasVideo && this.canBegin) this.#dropOldest();
      this.#hasVideo = true;
      return classifyVideo(payload) === VideoKind.keyframe;
    }
    const isFull = (this.#gops.at(-1)?.messages.length ?? MAX_AUDIO_FRAMES) >= MAX_AUDIO_FRAMES;
    return !this.#hasVideo && isFull;
  }

  /** A GOP is needed while the next one begins less than {@linkcode KEEP_BACK_MS} back. */
  #dropOld(nowMs: number): void {
    while (this.#gops.length > 2) {
      const nextMs = this.#gops[1]!.messages[0]!.timestampMs;
      if (diffU32(nowMs, nextMs) < KEEP_BACK_MS) return;
      this.#dropOldest();
    }
  }

  /** The headers of a GOP that is dropped stay in force. */
  #dropOldest(): void {
    for (const { typeId, timestampMs, payload } of this.#gops.shift()!.messages) {
      this.#headers.note(typeId, timestampMs, payload);
    }
  }
}
