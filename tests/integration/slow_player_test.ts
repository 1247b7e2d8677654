/** A player that reads too slowly loses frames or its connection; other players are unaffected. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { LeapingClock } from "../helpers/leaping_clock.ts";
import { startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { type MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

/**
 * Duration of a frame in stream time. With 100 kB a frame, the kernel's buffers hold well under a
 * minute.
 */
const FRAME_MS = 400;
const FRAME_BYTES = 100_000;
const FRAMES = 300;

netTest("a player that is slow for a while skips to a keyframe and continues", async () => {
  await using origin = startOrigin("play { queue_length 10; }");
  await using publisher = await RtmpClient.publish(origin.port, "show");
  await using quick = await startPlayer(origin.port);
  await using slow = await startPlayer(origin.port);
  slow.client.pauseReading();
  await publishAll(publisher, quick);
  slow.client.resumeReading();
  await until("the last frame", () => slow.numbers.at(-1) === FRAMES - 1, { timeoutMs: 10_000 });

  assertEquals(quick.numbers, Array.from({ length: FRAMES }, (_, number) => number));
  assert(slow.numbers.length < FRAMES, "no frame was skipped");
  assertEquals(slow.numbers, slow.numbers.toSorted((left, right) => left - right));
  assertEquals(new Set(slow.numbers).size, slow.numbers.length, "a frame arrived twice");
  assertEquals([slow.client.isEnded, slow.hasBrokenFrame], [false, false]);
  await slow.client.close();
  await origin.untilCounts({ players: 1 });
  const end = origin.log.lines.find(({ message }) => message === "Play ended");
  assertEquals(end?.fields["skips"], 1);
});

netTest("a player that reads nothing is closed, and memory stays bounded", async () => {
  const clock = new LeapingClock();
  await using origin = startOrigin(
    "queue_length 10; publish { normal_timeout 1000000; }",
    clock,
  );
  await using publisher = await RtmpClient.publish(origin.port, "show");
  await using quick = await startPlayer(origin.port);
  await using slow = await startPlayer(origin.port);
  slow.client.pauseReading();
  const before = Deno.memoryUsage().rss;
  await publishAll(publisher, quick);
  const growth = Deno.memoryUsage().rss - before;
  assert(growth < 64 * 1024 * 1024, `memory grew by ${growth} bytes`);
  clock.leap(16_000);
  await origin.untilCounts({ players: 1 });

  assertEquals(quick.numbers.length, FRAMES);
  assertEquals(quick.client.isEnded, false);
  const end = origin.log.lines.find(({ message }) => message === "Play ended");
  assertEquals(end?.fields["cause"], "client takes no data");
});

/** A player that records the numbers of its frames. */
class NumberedPlayer implements AsyncDisposable {
  readonly client: RtmpClient;
  readonly numbers: number[] = [];
  hasBrokenFrame = false;

  constructor(client: RtmpClient) {
    this.client = client;
    client.onMediaMessage = (message) => this.#accept(message);
  }

  #accept(message: MediaMessage): void {
    const number = numberOf(message);
    const isWhole = message.payload.length === FRAME_BYTES &&
      message.payload.at(-1) === number % 256;
    if (!isWhole) this.hasBrokenFrame = true;
    this.numbers.push(number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
  }
}

async function startPlayer(port: number): Promise<NumberedPlayer> {
  return new NumberedPlayer(await RtmpClient.play(port, "show"));
}

/** Publishes as fast as `quick` reads, so that it never lags. */
async function publishAll(publisher: RtmpClient, quick: NumberedPlayer): Promise<void> {
  for (let number = 0; number < FRAMES; number++) {
    publisher.push(largeFrame(number));
    await until(`frame ${number}`, () => quick.numbers.at(-1) === number, {
      timeoutMs: 10_000,
      everyMs: 1,
    });
  }
}

function largeFrame(number: number): MediaMessage {
  const { payload, ...frame } = numberedFrame(number, number * FRAME_MS);
  const large = new Uint8Array(FRAME_BYTES);
  large.set(payload);
  large[FRAME_BYTES - 1] = number;
  return { ...frame, payload: large };
}
