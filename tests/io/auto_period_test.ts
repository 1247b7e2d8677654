import { AutoPeriod } from "../../lib/io/auto_period.ts";
import { type Flushable, FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheels } from "../../lib/io/flush_wheel.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** A player whose flush takes some time. */
class CostlyPlayer implements Flushable {
  isQueued = false;
  flushCount = 0;
  readonly #clock: FakeClock;
  readonly #costMs: number;

  constructor(clock: FakeClock, costMs: number) {
    this.#clock = clock;
    this.#costMs = costMs;
  }

  flush(): void {
    this.flushCount++;
    this.#clock.skip(this.#costMs);
  }
}

/** Flushes one player, which takes `costMs`. */
async function flushOnce(clock: FakeClock, queue: FlushQueue, costMs: number): Promise<void> {
  queue.add(new CostlyPlayer(clock, costMs));
  await clock.settle();
}

Deno.test("AutoPeriod is 30 ms until the cost of a write is known", () => {
  const auto = new AutoPeriod(new FlushQueue(new FakeClock()));
  assertEquals(auto.periodMs(0, 0), 30);
  assertEquals(auto.periodMs(10_000, 5_000), 30);
});

const PERIODS: readonly (readonly [playerCount: number, flushMs: number, periodMs: number])[] = [
  [100, 0.01, 30],
  [750, 0.01, 30],
  [2_000, 0.01, 80],
  [5_000, 0.01, 200],
  [9_000, 0.01, 350],
  [1_000, 0.05, 200],
];

for (const [playerCount, flushMs, periodMs] of PERIODS) {
  Deno.test(`AutoPeriod is ${periodMs} ms for ${playerCount} players when a write takes ${flushMs} ms`, async () => {
    const clock = new FakeClock();
    const queue = new FlushQueue(clock);
    const auto = new AutoPeriod(queue);
    await flushOnce(clock, queue, flushMs);
    assertEquals(Math.round(auto.periodMs(clock.now(), playerCount)), periodMs);
  });
}

Deno.test("AutoPeriod is adjusted twice a second, from the cost of recent writes", async () => {
  const clock = new FakeClock();
  const queue = new FlushQueue(clock);
  const auto = new AutoPeriod(queue);
  await flushOnce(clock, queue, 0.05);
  assertEquals(auto.periodMs(0, 1_000), 200);
  await flushOnce(clock, queue, 0.02);
  assertEquals(auto.periodMs(499, 1_000), 200);
  assertEquals(Math.round(auto.periodMs(500, 1_000)), 80);
  assertEquals(Math.round(auto.periodMs(1_000, 1_000)), 80, "nothing was written meanwhile");
});

Deno.test("FlushWheels.for(auto) writes often to few players and rarely to many", async () => {
  const clock = new FakeClock();
  const wheel = new FlushWheels(new FlushQueue(clock), clock).for("auto");
  const first = new CostlyPlayer(clock, 0.05);
  wheel.add(first);
  await clock.advance(3_000);
  assertEquals(first.flushCount, 100);
  for (let i = 1; i < 1_000; i++) wheel.add(new CostlyPlayer(clock, 0.05));
  await clock.advance(2_000);
  first.flushCount = 0;
  await clock.advance(10_000);
  const { flushCount } = first;
  assert(flushCount >= 48 && flushCount <= 52, `${flushCount} flushes in 10 s`);
});
