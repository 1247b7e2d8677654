import { LoopDelay } from "../../lib/base/loop_delay.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

Deno.test("LoopDelay counts timers that run on time in the first bucket", async () => {
  const clock = new FakeClock();
  const delay = new LoopDelay(clock);
  delay.start();
  await clock.advance(100);
  assertEquals(delay.delays.counts, [4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(delay.delays.sumSeconds, 0);
  delay.stop();
});

for (
  const [busyMs, bucket] of [[26, 0], [27, 1], [35, 2], [1_025, 8], [1_026, 9], [9_000, 9]] as const
) {
  Deno.test(`LoopDelay puts a timer that runs after ${busyMs} ms into bucket ${bucket}`, async () => {
    const clock = new FakeClock();
    const delay = new LoopDelay(clock);
    delay.start();
    clock.skip(busyMs);
    await clock.advance(0);
    const { delays } = delay;
    assertEquals(delays.counts.length, delays.boundsSeconds.length + 1);
    assertEquals(delays.counts.indexOf(1), bucket);
    assert(Math.abs(delays.sumSeconds - (busyMs - 25) / 1000) < 1e-9);
    delay.stop();
  });
}

Deno.test("LoopDelay.stop() cancels its timer", async () => {
  const clock = new FakeClock();
  const delay = new LoopDelay(clock);
  delay.start();
  await clock.advance(60);
  delay.stop();
  assertEquals(clock.pendingCount, 0);
});
