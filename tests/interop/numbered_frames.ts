import type { MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";

/** Larger than the frames of a still scene. */
const FRAME_BYTES = 400;

/** How frames follow each other. */
interface FrameRate {
  readonly frameMs: number;
  /** Frames from one keyframe to the next. */
  readonly gopFrames: number;
}

/** Sends the same numbered frames over several connections, in real time. */
export class NumberedEncoder implements AsyncDisposable {
  /** Frames sent. */
  count = 0;
  readonly #publishers: readonly RtmpClient[];
  readonly #rate: FrameRate;
  readonly #beganMs = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(publishers: readonly RtmpClient[], rate: FrameRate) {
    this.#publishers = publishers;
    this.#rate = rate;
    this.#timer = setInterval(() => this.#sendDue(), rate.frameMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#publishers.map((publisher) => publisher.close()));
  }

  #sendDue(): void {
    const due = (performance.now() - this.#beganMs) / this.#rate.frameMs;
    for (; this.count < due; this.count++) {
      const frame = encodeFrame(this.count, this.#rate);
      for (const publisher of this.#publishers) if (!publisher.isEnded) publisher.push(frame);
    }
  }
}

/**
 * Makes an AVC frame with composition time 0 (FLV 10.1 E.4.3) that contains its number; no two are
 * alike.
 */
function encodeFrame(number: number, { frameMs, gopFrames }: FrameRate): MediaMessage {
  const payload = new Uint8Array(FRAME_BYTES).fill(number);
  payload.set([number % gopFrames === 0 ? 0x17 : 0x27, 1, 0, 0, 0]);
  new DataView(payload.buffer).setUint32(5, number);
  return { typeId: 9, timestampMs: number * frameMs, payload };
}

/** Returns the number of a frame; null for other messages. */
export function numberOf({ typeId, payload }: MediaMessage): number | null {
  return typeId === 9 ? new DataView(payload.buffer, payload.byteOffset).getUint32(5) : null;
}
