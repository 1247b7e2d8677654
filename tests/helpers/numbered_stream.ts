import type { LocalServer } from "./local_server.ts";
import { type MediaMessage, RtmpClient } from "./rtmp_client.ts";
import { until } from "./until.ts";

const FRAME_MS = 10;
/** AVC keyframe with composition time 0 (FLV 10.1 E.4.3): every frame is a join point. */
const KEYFRAME_HEADER = [0x17, 0x01, 0x00, 0x00, 0x00];

/** Makes a keyframe that contains its number. */
export function numberedFrame(number: number, timestampMs = number * FRAME_MS): MediaMessage {
  const payload = new Uint8Array(100);
  payload.set(KEYFRAME_HEADER);
  new DataView(payload.buffer).setUint32(KEYFRAME_HEADER.length, number);
  return { typeId: 9, timestampMs, payload };
}

/** Reads the number of a {@linkcode numberedFrame}. */
export function numberOf({ payload }: MediaMessage): number {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return view.getUint32(KEYFRAME_HEADER.length);
}

/** A stream that runs in the background of a test, and checks whether its player misses a frame. */
export class NumberedStream implements AsyncDisposable {
  readonly player: RtmpClient;
  readonly publisher: RtmpClient;
  readonly #timer: ReturnType<typeof setInterval>;
  #sent = 0;
  #received = 0;
  #fault: string | null = null;

  private constructor(player: RtmpClient, publisher: RtmpClient) {
    this.player = player;
    this.publisher = publisher;
    player.onMediaMessage = (message) => this.#check(message);
    this.#timer = setInterval(() => this.publisher.push(numberedFrame(this.#sent++)), FRAME_MS);
  }

  /**
   * Publishes `live/healthy` and plays it, and returns when frames arrive.
   *
   * @param watched The server to play from.
   * @param target The server to publish to, if another.
   */
  static async start(watched: LocalServer, target = watched): Promise<NumberedStream> {
    const player = await RtmpClient.play(watched.port, "healthy");
    const publisher = await RtmpClient.publish(target.port, "healthy");
    const stream = new NumberedStream(player, publisher);
    await stream.untilFresh();
    return stream;
  }

  /**
   * Waits for a frame that is sent after the call. @throws {Error} when a frame was lost or
   * duplicated
   */
  async untilFresh(): Promise<void> {
    const goal = this.#sent + 1;
    await until(`frame ${goal} of the healthy stream`, () => {
      if (this.#fault !== null) throw new Error(this.#fault);
      if (this.player.isEnded) throw new Error("The healthy player was closed");
      if (this.publisher.isEnded) throw new Error("The healthy publisher was closed");
      return this.#received >= goal;
    }, { timeoutMs: 10_000, everyMs: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.publisher.close();
    await this.player.close();
  }

  #check(message: MediaMessage): void {
    const number = numberOf(message);
    if (number !== this.#received) {
      this.#fault ??= `Frame ${number} came where ${this.#received} belongs`;
    }
    this.#received = number + 1;
  }
}
