/** Real sockets: a publisher loses its network and returns, at an origin and at an edge. */

import { assertEquals } from "../helpers/assert.ts";
import { LeapingClock } from "../helpers/leaping_clock.ts";
import { startEdgeOf, startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";

const FRAME_MS = 40;

/** How a publisher's connection is lost, and for how long. */
const LOSSES = [
  { name: "its connection is closed", awayMs: 9_000, lose: (each: RtmpClient) => each.close() },
  // Away for less than `normal_timeout`: the old connection is still open.
  {
    name: "no FIN arrives",
    awayMs: 3_000,
    lose: (each: RtmpClient) => Promise.resolve(each.lose()),
  },
] as const;

for (const place of ["an origin", "an edge"] as const) {
  for (const { name, awayMs, lose } of LOSSES) {
    netTest(
      `a publisher returns to ${place} in ${
        awayMs / 1_000
      } s, ${name}: players stay, timestamps continue`,
      async () => {
        const clock = new LeapingClock();
        await using origin = startOrigin("", clock);
        await using edge = startEdgeOf(origin, "", clock);
        const target = place === "an edge" ? edge : origin;
        await using first = await RtmpClient.publish(target.port, "show");
        await using near = await RtmpClient.play(target.port, "show");
        await using far = await RtmpClient.play(origin.port, "show");
        for (let number = 0; number < 3; number++) {
          first.push(numberedFrame(number, number * FRAME_MS));
        }
        for (const player of [near, far]) await player.untilMedia(3);
        await lose(first);
        if (name === "its connection is closed") await target.untilCounts({ publishers: 0 });
        clock.leap(awayMs);

        await using second = await RtmpClient.publish(target.port, "show");
        for (let number = 3; number < 6; number++) {
          second.push(numberedFrame(number, (number - 3) * FRAME_MS));
        }
        for (const player of [near, far]) {
          await player.untilMedia(6);
          assertEquals(player.media.map(numberOf), [0, 1, 2, 3, 4, 5]);
          assertEquals(
            player.media.map(({ timestampMs }) => timestampMs),
            [0, 40, 80, 120, 160, 200],
          );
          assertEquals(player.statuses, ["NetStream.Play.Reset", "NetStream.Play.Start"]);
          assertEquals(player.isEnded, false);
        }
        assertEquals(second.statuses, ["NetStream.Publish.Start"]);
      },
    );
  }
}

netTest("a replaced publisher receives the reason before its connection is closed", async () => {
  const clock = new LeapingClock();
  await using origin = startOrigin("publish { takeover replace; }", clock);
  await using first = await RtmpClient.publish(origin.port, "show");
  await using player = await RtmpClient.play(origin.port, "show");
  first.push(numberedFrame(0));
  await player.untilMedia(1);
  await using second = await RtmpClient.publish(origin.port, "show");
  second.push(numberedFrame(1));
  await player.untilMedia(2);
  clock.leap(3_000);
  await first.untilEnded();
  assertEquals(first.statuses, ["NetStream.Publish.Start", "NetStream.Publish.BadName"]);
  assertEquals(player.media.map(numberOf), [0, 1]);
});
