import { AVC_HEADER, makeFrame, VIDEO } from "./frames.ts";
import { RtmpPeer } from "./rtmp_peer.ts";

const FRAME_MS = 200;
const GOP_FRAMES = 10;
const TICK_MS = 10;
/** Number of publishers that connect at once. */
const BATCH = 50;

/** Options of {@linkcode ManySources.start}. */
interface ManySourcesOptions {
  readonly port: number;
  /** Number of publishers. They publish `many-0`, `many-1` and so on. */
  readonly count: number;
  /** Bitrate of each stream, in kbit/s. */
  readonly kilobits: number;
}

/**
 * Many publishers that cost this process little: few, large messages, spread over time. Each sends
 * five video frames a second, all of one size, with a keyframe every 2 s.
 */
export class ManySources implements AsyncDisposable {
  readonly #peers: readonly RtmpPeer[];
  readonly #frameBytes: number;
  readonly #startedMs = performance.now();
  /** Frames sent so far, of all streams; the streams take turns. */
  #frameCount = 0;
  readonly #timer: ReturnType<typeof setInterval>;

  private constructor(peers: readonly RtmpPeer[], kilobits: number) {
    this.#peers = peers;
    this.#frameBytes = Math.round(kilobits * 125 * FRAME_MS / 1000);
    for (const peer of peers) peer.push(VIDEO, 0, AVC_HEADER);
    this.#timer = setInterval(() => this.#sendDue(), TICK_MS);
  }

  /** Connects, and returns when the server has accepted all publishers. */
  static async start({ port, count, kilobits }: ManySourcesOptions): Promise<ManySources> {
    const peers: RtmpPeer[] = [];
    while (peers.length < count) {
      const names = Array.from(
        { length: Math.min(BATCH, count - peers.length) },
        (_, index) => `many-${peers.length + index}`,
      );
      const opening = names.map((stream) => RtmpPeer.open({ kind: "publish", port, stream }));
      peers.push(...await Promise.all(opening));
    }
    return new ManySources(peers, kilobits);
  }

  /** Bytes of media published so far, per stream. */
  get sentBytes(): number {
    return this.#frameCount / this.#peers.length * this.#frameBytes;
  }

  /** Returns the number of publishers that the server has closed. */
  countLost(): number {
    return this.#peers.filter(({ isEnded }) => isEnded).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]()));
  }

  #sendDue(): void {
    const count = this.#peers.length;
    const due = Math.floor((performance.now() - this.#startedMs) / FRAME_MS * count);
    for (; this.#frameCount < due; this.#frameCount++) {
      const number = Math.floor(this.#frameCount / count);
      const kind = number % GOP_FRAMES === 0 ? "keyframe" : "inter";
      const payload = makeFrame({ kind, number, size: this.#frameBytes });
      this.#peers[this.#frameCount % count]!.push(VIDEO, number * FRAME_MS, payload);
    }
  }
}
