import { AAC_HEADER, AUDIO, AVC_HEADER, makeFrame, VIDEO } from "./frames.ts";
import { RtmpPeer } from "./rtmp_peer.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 50;
/** An AAC frame has 1024 samples, here at 44.1 kHz. */
const AUDIO_FRAME_MS = 1024 / 44.1;
const SOUND_BYTES = 350;
/** Size of a keyframe, as a multiple of the other frames. */
const KEYFRAME_RATIO = 6;

/** Options of {@linkcode Source.start}. */
interface SourceOptions {
  /** Ports of the servers to publish to; all receive the same bytes. */
  readonly ports: readonly number[];
  readonly stream: string;
  readonly kilobits?: number;
}

/**
 * A publisher with a constant bitrate: 25 video frames a second with a keyframe every 2 s, and 43
 * audio frames a second. It publishes again as soon as a lost server is back.
 */
export class Source implements AsyncDisposable {
  readonly #stream: string;
  readonly #targets: Target[];
  readonly #interFrameBytes: number;
  /** Time of the first frame, shifted by all pauses since. */
  #startedMs = performance.now();
  #videoCount = 0;
  #audioCount = 0;
  #sentBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor({ ports, stream, kilobits = 1000 }: SourceOptions) {
    this.#stream = stream;
    this.#targets = ports.map((port) => ({ port, peer: null, isOpening: false }));
    const videoBytesPerGop = (kilobits * 125 - SOUND_BYTES * 1000 / AUDIO_FRAME_MS) *
      (GOP_FRAMES * FRAME_MS / 1000);
    this.#interFrameBytes = Math.round(videoBytesPerGop / (GOP_FRAMES - 1 + KEYFRAME_RATIO));
  }

  /** Connects, and returns when all servers have accepted the stream. */
  static async start(options: SourceOptions): Promise<Source> {
    const source = new Source(options);
    await Promise.all(source.#targets.map((target) => source.#open(target)));
    source.#run();
    return source;
  }

  /** Bytes of media published so far. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Sends nothing until {@linkcode resume}; frames due in between are never sent. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Resumes at once with the next frame. */
  resume(): void {
    this.#startedMs = performance.now() - this.#nextMs;
    this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    for (const { peer } of this.#targets) await peer?.[Symbol.asyncDispose]();
  }

  async #open(target: Target): Promise<void> {
    const { port } = target;
    const peer = await RtmpPeer.open({ kind: "publish", port, stream: this.#stream });
    const nowMs = performance.now() - this.#startedMs;
    peer.push(VIDEO, nowMs, AVC_HEADER);
    peer.push(AUDIO, nowMs, AAC_HEADER);
    target.peer = peer;
  }

  #reopen(target: Target): void {
    if (target.isOpening) return;
    target.isOpening = true;
    this.#open(target)
      // Not back yet: try again with the next frame.
      .catch(() => target.peer = null)
      .finally(() => target.isOpening = false);
  }

  /** Sends all frames that are due, then waits for the next. Delays do not add up. */
  #run(): void {
    const nowMs = performance.now() - this.#startedMs;
    while (this.#nextMs <= nowMs) this.#sendNext();
    this.#timer = setTimeout(() => this.#run(), this.#nextMs - nowMs);
  }

  get #nextMs(): number {
    return Math.min(this.#videoCount * FRAME_MS, this.#audioCount * AUDIO_FRAME_MS);
  }

  #sendNext(): void {
    if (this.#videoCount * FRAME_MS <= this.#audioCount * AUDIO_FRAME_MS) {
      const number = this.#videoCount++;
      const isKeyframe = number % GOP_FRAMES === 0;
      const size = this.#interFrameBytes * (isKeyframe ? KEYFRAME_RATIO : 1);
      const payload = makeFrame({ kind: isKeyframe ? "keyframe" : "inter", number, size });
      this.#push(VIDEO, number * FRAME_MS, payload);
    } else {
      const number = this.#audioCount++;
      this.#push(
        AUDIO,
        number * AUDIO_FRAME_MS,
        makeFrame({ kind: "audio", number, size: SOUND_BYTES }),
      );
    }
  }

  #push(typeId: number, timeMs: number, payload: Uint8Array): void {
    this.#sentBytes += payload.length;
    for (const target of this.#targets) {
      if (target.peer === null || target.peer.isEnded) this.#reopen(target);
      else target.peer.push(typeId, Math.floor(timeMs), payload);
    }
  }
}

interface Target {
  readonly port: number;
  peer: RtmpPeer | null;
  isOpening: boolean;
}
