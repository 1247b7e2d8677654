/** What it costs an edge that other edges ask whether it could carry a stream (`cluster.probe`). */

import { assert, assertEquals } from "../helpers/assert.ts";
import { MemoryWorld } from "../helpers/memory_servers.ts";
import { keyframe, videoHeader } from "../helpers/tiny_media.ts";

const [ORIGIN, MID, RESERVE, LEAF] = [1_001, 1_002, 1_003, 1_004] as const;

Deno.test("reserves on two levels pull a stream for a probe's moment only, and linger for players", async () => {
  const world = new MemoryWorld();
  world.start(ORIGIN);
  const reserves = [world.start(MID, ORIGIN), world.start(RESERVE, MID)];
  const origins = `origin 127.0.0.1:${ORIGIN} 127.0.0.1:${RESERVE};`;
  world.startWith(LEAF, `cluster { mode remote; ${origins} probe 5s; failback off; }`);
  const publisher = await world.publish(ORIGIN);
  const player = await world.play(LEAF);
  const busyMs = [0, 0];
  async function run(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      publisher.push(videoHeader(world.clock.now()), keyframe(world.clock.now()));
      await world.advance(100);
      for (const [index, { upstreamCount }] of reserves.entries()) {
        if (upstreamCount > 0) busyMs[index]! += 100;
      }
    }
  }
  await run(40_000);
  assert(world.dialCount(RESERVE) >= 5, `${world.dialCount(RESERVE)} probes`);
  assert(busyMs.every((ms) => ms < 8_000), `${busyMs} ms of 40000`);
  // A player that comes during a probe, or after one, makes it linger as always.
  const short = await world.play(RESERVE);
  await run(1_000);
  short.close();
  await run(8_000);
  assertEquals(reserves.map(({ upstreamCount }) => upstreamCount), [1, 1]);
  assertEquals(player.isEnded, false);
  await world.stop();
});
