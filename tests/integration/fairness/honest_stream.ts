import { numberedFrame, numberOf } from "../../helpers/numbered_stream.ts";
import { OwnPauses } from "../../helpers/own_pauses.ts";
import { RtmpClient } from "../../helpers/rtmp_client.ts";
import { until } from "../../helpers/until.ts";

const FRAME_MS = 20;

/** Where the clients of an {@linkcode HonestStream} connect. */
interface HonestPath {
  readonly name: string;
  /** Port to publish to. */
  readonly from: number;
  /** Port to play from. */
  readonly to: number;
  /** Vhost to play from; the default vhost unless given. */
  readonly host?: string;
}

/** A stream of 50 frames a second that notes what its players miss, and how long they wait. */
export class HonestStream implements AsyncDisposable {
  readonly path: HonestPath;
  /** What went wrong, until the end of the test. */
  readonly faults: string[] = [];
  readonly #publisher: RtmpClient;
  readonly #players: RtmpClient[] = [];
  readonly #pauses = new OwnPauses();
  readonly #timer: ReturnType<typeof setInterval>;
  #sent = 0;
  #longestGapMs = 0;
  #newestMs: number[] = [];

  private constructor(path: HonestPath, publisher: RtmpClient) {
    this.path = path;
    this.#publisher = publisher;
    this.#timer = setInterval(() => publisher.push(numberedFrame(this.#sent++)), FRAME_MS);
  }

  static async start(path: HonestPath): Promise<HonestStream> {
    return new HonestStream(path, await RtmpClient.publish(path.from, path.name));
  }

  /** Adds a player, which must miss nothing from its first frame on. */
  async addPlayer(): Promise<void> {
    const { name, to, host = `127.0.0.1:${to}` } = this.path;
    const player = await RtmpClient.play(to, name, { tcUrl: `rtmp://${host}/live` });
    const index = this.#players.push(player) - 1;
    let received: number | null = null;
    player.onMediaMessage = (message) => {
      const number = numberOf(message);
      if (received !== null && number !== received + 1) {
        this.faults.push(`${name}: frame ${number} after ${received} at player ${index}`);
      }
      received = number;
      this.#onFrame(index);
    };
    await until(`frames of ${name}`, () => received !== null, { timeoutMs: 10_000, everyMs: 5 });
  }

  /**
   * Returns the longest time without a frame since the last call, at any player, in ms; pauses of
   * this process do not count.
   */
  takeLongestGapMs(): number {
    this.#players.forEach(({ isEnded }, index) => {
      if (isEnded) this.faults.push(`${this.path.name}: player ${index} was closed`);
      this.#onGap(this.#pauses.now() - this.#newestMs[index]!);
    });
    if (this.#publisher.isEnded) this.faults.push(`${this.path.name}: its publisher was closed`);
    const gapMs = this.#longestGapMs;
    this.#longestGapMs = 0;
    return Math.round(gapMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#pauses[Symbol.dispose]();
    await this.#publisher.close();
    for (const player of this.#players) await player.close();
  }

  #onFrame(index: number): void {
    const nowMs = this.#pauses.now();
    this.#onGap(nowMs - (this.#newestMs[index] ?? nowMs));
    this.#newestMs[index] = nowMs;
  }

  #onGap(gapMs: number): void {
    this.#longestGapMs = Math.max(this.#longestGapMs, gapMs);
  }
}
