/** A publisher of a constant bitrate: 25 pictures a second with a keyframe every 2 s, and 43 sounds. */

import { AAC_HEADER, AUDIO, AVC_HEADER, makeFrame, VIDEO } from "./frames.ts";
import { RtmpPeer } from "./rtmp_peer.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 50;
/** AAC at 44.1 kHz has 1024 samples in a frame. */
const SOUND_MS = 1024 / 44.1;
const SOUND_BYTES = 350;
/** A keyframe is so many times as large as the others. */
const KEYFRAME_RATIO = 6;

/** Options of {@linkcode Source.start}. */
export interface SourceOptions {
  /** Servers to publish to, all the same bytes. */
  readonly ports: readonly number[];
  readonly stream: string;
  readonly kilobits?: number;
}

/** See the file comment. A server that is lost is published to again as soon as it is there. */
export class Source implements AsyncDisposable {
  readonly #stream: string;
  readonly #targets: Target[];
  readonly #interFrameBytes: number;
  /** When its first frame was sent, had it never paused. */
  #startedMs = performance.now();
  #videoCount = 0;
  #audioCount = 0;
  #sentBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor({ ports, stream, kilobits = 1000 }: SourceOptions) {
    this.#stream = stream;
    this.#targets = ports.map((port) => ({ port, peer: null, isOpening: false }));
    const videoBytesPerGop = (kilobits * 125 - SOUND_BYTES * 1000 / SOUND_MS) *
      (GOP_FRAMES * FRAME_MS / 1000);
    this.#interFrameBytes = Math.round(videoBytesPerGop / (GOP_FRAMES - 1 + KEYFRAME_RATIO));
  }

  /** Publishes, and returns when all servers take it. */
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

  /** Sends nothing more until {@linkcode resume}; nothing that was due meanwhile is sent later. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  /** Goes on with the frame that comes next, at once. */
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
      // Not there yet: the next frame is the next attempt.
      .catch(() => target.peer = null)
      .finally(() => target.isOpening = false);
  }

  /** Sends what is due, and waits for the next frame's time: delays do not add up. */
  #run(): void {
    const nowMs = performance.now() - this.#startedMs;
    while (this.#nextMs <= nowMs) this.#sendNext();
    this.#timer = setTimeout(() => this.#run(), this.#nextMs - nowMs);
  }

  get #nextMs(): number {
    return Math.min(this.#videoCount * FRAME_MS, this.#audioCount * SOUND_MS);
  }

  #sendNext(): void {
    if (this.#videoCount * FRAME_MS <= this.#audioCount * SOUND_MS) {
      const number = this.#videoCount++;
      const isKeyframe = number % GOP_FRAMES === 0;
      const size = this.#interFrameBytes * (isKeyframe ? KEYFRAME_RATIO : 1);
      const payload = makeFrame({ kind: isKeyframe ? "keyframe" : "inter", number, size });
      this.#push(VIDEO, number * FRAME_MS, payload);
    } else {
      const number = this.#audioCount++;
      this.#push(AUDIO, number * SOUND_MS, makeFrame({ kind: "sound", number, size: SOUND_BYTES }));
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
