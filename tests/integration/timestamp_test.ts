/**
 * Timestamps at the limits of 24 and 32 bits: frames arrive whole, and time moves forward, also in
 * messages of several chunks, whose continuations repeat the extended timestamp.
 */

import { diffU32 } from "../../lib/base/u32.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import {
  type LocalServer,
  PROMPT,
  startEdgeOf,
  startLocalServer,
  startOrigin,
} from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { type MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";
import { StreamCheck } from "../helpers/stream_check.ts";

/** The second crosses 0xFFFFFF (16,777,215), where timestamps get a fourth byte, the third 2³². */
const OFFSETS = [0, 16_774_000, 4_294_964_000] as const;

const FRAMES = 100;
const FRAME_MS = 40;

/** Start of stream time for a publisher whose timestamps start high (see `Timeline`). */
const STREAM_START_MS = 3_000;

for (const offsetMs of OFFSETS) {
  const tags = publishedFrom(offsetMs);

  netTest(
    `a stream that starts at ${offsetMs} ms arrives whole, near 0, through origin and edge`,
    async () => {
      await using origin = startOrigin();
      await using edge = startEdgeOf(origin);
      const shiftMs = offsetMs === 0 ? 0 : STREAM_START_MS - offsetMs;
      const expected = tags.map((tag) => shifted(tag, shiftMs));
      await assertArrives(tags, {
        stream: "pulled",
        target: origin,
        expected: [[origin, expected], [edge, expected]],
      });
    },
  );

  netTest(
    `with atc on a stream that starts at ${offsetMs} ms keeps its timestamps, also when pushed`,
    async () => {
      await using origin = startLocalServer(
        `vhost __defaultVhost__ { ${PROMPT} atc on; }`,
      );
      await using edge = startLocalServer(
        `vhost __defaultVhost__ { ${PROMPT} atc on;
       cluster { mode remote; origin 127.0.0.1:${origin.port}; linger 0; } }`,
      );
      await assertArrives(tags, {
        stream: "pulled",
        target: origin,
        expected: [[origin, tags], [edge, tags]],
      });
      await assertArrives(tags, {
        stream: "pushed",
        target: edge,
        expected: [[origin, tags], [edge, tags]],
      });
    },
  );
}

netTest("time moves forward when an encoder's clock jumps", async () => {
  await using origin = startOrigin();
  await using player = await RtmpClient.play(origin.port, "show");
  await using publisher = await RtmpClient.publish(origin.port, "show");
  const times = [0, 40, 80, 50_000_000, 50_000_040, 0, 40, 4_000_000_000, 4_000_000_040, 0];
  times.forEach((timestampMs, number) => publisher.push(numberedFrame(number, timestampMs)));
  await player.untilMedia(times.length);
  const steps = stepsOf(player.media);
  assert(steps.every((step) => step > 0 && step <= 100), `steps are ${steps}`);
});

/** Every tenth frame is larger than a chunk of 60,000 bytes. */
function publishedFrom(offsetMs: number): MediaMessage[] {
  return Array.from({ length: FRAMES }, (_, number) => {
    const small = numberedFrame(number, (offsetMs + number * FRAME_MS) >>> 0);
    if (number % 10 !== 0) return small;
    const payload = new Uint8Array(130_000).fill(number);
    payload.set(small.payload.subarray(0, 9));
    return { ...small, payload };
  });
}

function shifted(tag: MediaMessage, shiftMs: number): MediaMessage {
  return { ...tag, timestampMs: (tag.timestampMs + shiftMs) >>> 0 };
}

/** Where a stream is published, and what must arrive where. */
interface Arrival {
  readonly stream: string;
  readonly target: LocalServer;
  readonly expected: readonly (readonly [LocalServer, readonly MediaMessage[]])[];
}

async function assertArrives(
  tags: readonly MediaMessage[],
  { stream, target, expected }: Arrival,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const players: { readonly player: RtmpClient; readonly expected: readonly MediaMessage[] }[] = [];
  for (const [server, messages] of expected) {
    const player = stack.use(await RtmpClient.play(server.port, stream));
    players.push({ player, expected: messages });
  }
  await expected[0]![0].untilCounts({ players: 2 });
  const publisher = stack.use(await RtmpClient.publish(target.port, stream));
  for (const tag of tags) publisher.push(tag);
  for (const { player, expected } of players) {
    await player.untilMedia(expected.length);
    const check = new StreamCheck(expected);
    for (const message of player.media) check.accept(message);
    assertEquals(check.mismatch, null);
    assertEquals(new Set(stepsOf(player.media)), new Set([FRAME_MS]));
  }
}

function stepsOf(messages: readonly MediaMessage[]): number[] {
  return messages.slice(1).map(({ timestampMs }, index) =>
    diffU32(timestampMs, messages[index]!.timestampMs)
  );
}
