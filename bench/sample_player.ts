import { AUDIO, readFrame, VIDEO } from "./frames.ts";
import { RtmpPeer } from "./rtmp_peer.ts";

/** A player that checks every byte. */
export class SamplePlayer implements AsyncDisposable {
  /** Delays from the publisher to this player since {@linkcode begin}, in ms. */
  readonly delaysMs: number[] = [];
  /** Delays of the server's answers to pings since {@linkcode begin}, in ms. */
  readonly answersMs: number[] = [];
  /** Frames received since {@linkcode begin}. */
  frameCount = 0;
  /** Frames lost, duplicated or changed, in total. */
  faultCount = 0;
  readonly #nextNumbers = new Map<number, number>();
  #peer: RtmpPeer | null = null;

  /** Plays a stream, which need not exist yet. */
  static async open(port: number, stream: string): Promise<SamplePlayer> {
    const player = new SamplePlayer();
    const onMedia = player.#check.bind(player);
    const onAnswer = (delayMs: number) => player.answersMs.push(delayMs);
    player.#peer = await RtmpPeer.open({ kind: "play", port, stream, onMedia, onAnswer });
    return player;
  }

  /** Whether the server has closed the connection. */
  get isEnded(): boolean {
    return this.#peer?.isEnded ?? true;
  }

  /** Forgets the delays so far; they include old frames from the GOP cache. */
  begin(): void {
    this.delaysMs.length = 0;
    this.answersMs.length = 0;
    this.frameCount = 0;
  }

  /** Sends a ping to the server. */
  ping(): void {
    if (!this.isEnded) this.#peer?.ping();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer?.[Symbol.asyncDispose]();
  }

  #check(typeId: number, _timestampMs: number, payload: Uint8Array): void {
    if (typeId !== AUDIO && typeId !== VIDEO) return;
    const frame = readFrame(typeId, payload);
    if (frame === null) return;
    const expected = this.#nextNumbers.get(typeId) ?? frame.number;
    if (frame.number !== expected) this.faultCount += Math.abs(frame.number - expected);
    if (!frame.isIntact) this.faultCount++;
    this.#nextNumbers.set(typeId, frame.number + 1);
    this.delaysMs.push(performance.now() - frame.sentMs);
    this.frameCount++;
  }
}
