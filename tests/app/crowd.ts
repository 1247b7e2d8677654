import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { RtmpClient, type RtmpClientOptions } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const FRAME_MS = 40;

/** Which clients a {@linkcode Crowd} has. */
interface CrowdOptions {
  readonly port: number;
  /** Vhost that they name. */
  readonly vhost: string;
  readonly publishers: number;
  readonly playersPerPublisher: number;
}

/** One stream of a crowd. */
interface CrowdStream {
  readonly publisher: RtmpClient;
  readonly players: readonly RtmpClient[];
  /** Frames sent so far. */
  sent: number;
  /** Frames each player has received. */
  readonly received: number[];
}

/** Returns the options of a client that names a vhost. */
export function at(port: number, vhost: string): RtmpClientOptions {
  return { tcUrl: `rtmp://${vhost}:${port}/live` };
}

/**
 * Publishers and players that run in the background of a test. Publishes `crowd0`, `crowd1`… and
 * checks that every player receives every frame, in order, and that no client is closed.
 */
export class Crowd implements AsyncDisposable {
  readonly #streams: readonly CrowdStream[];
  readonly #timer: ReturnType<typeof setInterval>;
  #fault: string | null = null;

  private constructor(streams: readonly CrowdStream[]) {
    this.#streams = streams;
    for (const stream of streams) {
      for (const [index, player] of stream.players.entries()) this.#check(stream, index, player);
    }
    this.#timer = setInterval(() => {
      for (const stream of streams) stream.publisher.push(numberedFrame(stream.sent++));
    }, FRAME_MS);
  }

  /** Connects everyone; players first, so that they receive the very first frame. */
  static async start({ port, vhost, ...counts }: CrowdOptions): Promise<Crowd> {
    const streams = Array.from({ length: counts.publishers }, async (_, number) => {
      const name = `crowd${number}`;
      const players = await Promise.all(
        Array.from(
          { length: counts.playersPerPublisher },
          () => RtmpClient.play(port, name, at(port, vhost)),
        ),
      );
      const publisher = await RtmpClient.publish(port, name, at(port, vhost));
      return { publisher, players, sent: 0, received: players.map(() => 0) };
    });
    const crowd = new Crowd(await Promise.all(streams));
    await crowd.untilFresh();
    return crowd;
  }

  /**
   * Waits until every player has received a frame that is sent after this call.
   *
   * @throws {Error} when a frame was lost, or a client was closed.
   */
  async untilFresh(): Promise<void> {
    const goals = this.#streams.map(({ sent }) => sent + 1);
    await until("new frames at all players", () => {
      if (this.#fault !== null) throw new Error(this.#fault);
      return this.#streams.every(({ publisher, players, received }, index) => {
        if (publisher.isEnded) throw new Error(`The publisher of crowd${index} was closed`);
        if (players.some(({ isEnded }) => isEnded)) {
          throw new Error(`A player of crowd${index} was closed`);
        }
        return received.every((count) => count >= goals[index]!);
      });
    }, { timeoutMs: 20_000, everyMs: 10 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const clients = this.#streams.flatMap(({ publisher, players }) => [publisher, ...players]);
    await Promise.all(clients.map((client) => client.close()));
  }

  #check({ received }: CrowdStream, index: number, player: RtmpClient): void {
    player.onMediaMessage = (message) => {
      const number = numberOf(message);
      const expected = received[index]!;
      if (number !== expected) this.#fault ??= `Frame ${number} arrived instead of ${expected}`;
      received[index] = number + 1;
    };
  }
}
