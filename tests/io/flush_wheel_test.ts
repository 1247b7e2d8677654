import { type Flushable, FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheel, FlushWheels } from "../../lib/io/flush_wheel.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** Records when it is flushed. */
class Item implements Flushable {
  isQueued = false;
  readonly times: number[] = [];

  flush(nowMs: number): void {
    this.times.push(Math.round(nowMs));
  }
}

/** A wheel of 200 ms, which has four ticks of 50 ms. */
class Rig {
  readonly clock = new FakeClock();
  readonly wheel = new FlushWheel(200, new FlushQueue(this.clock), this.clock);

  add(count: number): Item[] {
    return Array.from({ length: count }, () => {
      const item = new Item();
      this.wheel.add(item);
      return item;
    });
  }
}

/** Differences between neighbours. */
function pausesOf({ times }: Item): number[] {
  return times.slice(1).map((time, index) => time - times[index]!);
}

Deno.test("FlushWheel flushes each player once per period", async () => {
  const { clock, wheel } = new Rig();
  const items = Array.from({ length: 12 }, () => new Item());
  for (const item of items) wheel.add(item);
  await clock.advance(2_000);
  for (const item of items) {
    assertEquals(item.times.length, 10);
    assertEquals(pausesOf(item), Array.from({ length: 9 }, () => 200));
  }
});

Deno.test("FlushWheel spreads players evenly over the period", async () => {
  const rig = new Rig();
  const items = rig.add(16);
  await rig.clock.advance(200);
  const counts = new Map<number, number>();
  for (const { times: [time] } of items) counts.set(time!, (counts.get(time!) ?? 0) + 1);
  assertEquals([...counts].sort(([a], [b]) => a - b), [
    [50, 4],
    [100, 4],
    [150, 4],
    [200, 4],
  ]);
});

Deno.test("FlushWheel flushes players in the order in which they joined, also after some have left", async () => {
  const rig = new Rig();
  const order: number[] = [];
  const seats = Array.from({ length: 8 }, (_, index) => {
    const item = new Item();
    item.flush = () => order.push(index);
    return rig.wheel.add(item);
  });
  await rig.clock.advance(100);
  assertEquals(order.splice(0), [0, 1, 2, 3]);
  // One already flushed in this round, the next one and a later one.
  for (const index of [2, 4, 6]) seats[index]!.leave();
  await rig.clock.advance(200);
  assertEquals(order, [5, 7, 0, 1, 3]);
});

Deno.test("FlushWheel flushes a new player within a period, and delays no other for it", async () => {
  const rig = new Rig();
  const items = rig.add(5);
  await rig.clock.advance(300);
  const [late] = rig.add(1);
  await rig.clock.advance(800);
  assert(late!.times[0]! <= 500, `at ${late!.times}`);
  for (const item of [...items, late!]) {
    assert(Math.max(...pausesOf(item)) <= 250, `${item.times}`);
    assert(Math.min(...pausesOf(item)) >= 150, `${item.times}`);
  }
});

Deno.test("FlushWheel delays no player when others join just before", async () => {
  const rig = new Rig();
  const [first] = rig.add(1);
  await rig.clock.advance(190);
  rig.add(2);
  await rig.clock.advance(10);
  assertEquals(first!.times, [200]);
});

Deno.test("FlushWheel keeps a period of 350 ms", async () => {
  const clock = new FakeClock();
  const wheel = new FlushWheel(350, new FlushQueue(clock), clock);
  const item = new Item();
  wheel.add(item);
  await clock.advance(35_000);
  assertEquals(item.times.length, 100);
  assertEquals(Math.max(...pausesOf(item)) <= 351, true);
});

Deno.test("FlushWheel ticks four times in a long period, and each player keeps its tick", async () => {
  const clock = new FakeClock();
  const wheel = new FlushWheel(400, new FlushQueue(clock), clock);
  const items = Array.from({ length: 20 }, () => new Item());
  for (const item of items) wheel.add(item);
  await clock.advance(2_000);
  const times = new Set(items.flatMap((item) => item.times));
  assertEquals([...times].sort((a, b) => a - b).slice(0, 4), [100, 200, 300, 400]);
  assertEquals(times.size, 20);
  for (const item of items) assertEquals(new Set(pausesOf(item)), new Set([400]));
});

Deno.test("FlushWheel does not tick when no player is due", async () => {
  const clock = new FakeClock();
  const wheel = new FlushWheel(400, new FlushQueue(clock), clock);
  let timers = 0;
  const { after } = clock;
  clock.after = (...args) => (timers++, after.apply(clock, args));
  const items = [new Item(), new Item()];
  for (const item of items) wheel.add(item);
  timers = 0;
  await clock.advance(4_000);
  assertEquals(timers, 20);
  assertEquals(items.map(({ times }) => times.length), [10, 10]);
});

Deno.test("FlushWheel works with a period of 1 ms", async () => {
  const clock = new FakeClock();
  const wheel = new FlushWheel(1, new FlushQueue(clock), clock);
  const item = new Item();
  wheel.add(item);
  await clock.advance(10);
  assertEquals(item.times, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

Deno.test("FlushWheel has no timer without players", async () => {
  const { clock, wheel } = new Rig();
  assertEquals(clock.pendingCount, 0);
  const seats = [wheel.add(new Item()), wheel.add(new Item())];
  assertEquals(clock.pendingCount, 1);
  seats[0]!.leave();
  assertEquals(clock.pendingCount, 1);
  seats[1]!.leave();
  assertEquals(clock.pendingCount, 0);
  const item = new Item();
  await clock.advance(1_000);
  wheel.add(item);
  await clock.advance(200);
  assertEquals(item.times.length, 1);
});

Deno.test("WheelSeat.leave() stops the flushes and may be repeated", async () => {
  const rig = new Rig();
  const [stays] = rig.add(1);
  const leaves = new Item();
  const seat = rig.wheel.add(leaves);
  await rig.clock.advance(200);
  seat.leave();
  seat.leave();
  await rig.clock.advance(200);
  assertEquals([leaves.times.length, stays!.times.length], [1, 2]);
  assertEquals(rig.clock.pendingCount, 1);
});

Deno.test("FlushWheel lets players join and leave during a tick", async () => {
  const rig = new Rig();
  const joined = new Item();
  const hasty = new Item();
  const neighbours = [new Item(), new Item()];
  hasty.flush = (nowMs) => {
    hasty.times.push(nowMs);
    seat.leave();
    rig.wheel.add(joined);
  };
  const seat = rig.wheel.add(hasty);
  for (const item of neighbours) rig.wheel.add(item);
  await rig.clock.advance(400);
  assertEquals(hasty.times.length, 1);
  assertEquals(neighbours.map(({ times }) => times.length), [2, 2]);
  assert(joined.times.length >= 1);
});

Deno.test("FlushWheel catches up after a late tick and stays on time", async () => {
  const rig = new Rig();
  const items = rig.add(4);
  // The loop was busy for 120 ms: the ticks of 50 and 100 ms run at 120.
  rig.clock.skip(120);
  await rig.clock.advance(200);
  assertEquals(items.map(({ times }) => times), [[120, 250], [120, 300], [150], [200]]);
});

Deno.test("FlushWheel flushes each player once after a long pause, not once per missed period", async () => {
  const rig = new Rig();
  const items = rig.add(5);
  rig.clock.skip(10_000);
  await rig.clock.advance(0);
  assertEquals(items.map(({ times }) => times.length), [1, 1, 1, 1, 1]);
  await rig.clock.advance(200);
  assertEquals(items.map(({ times }) => times.length), [2, 2, 2, 2, 2]);
});

Deno.test("FlushWheels.for() returns one wheel per period", () => {
  const clock = new FakeClock();
  const wheels = new FlushWheels(new FlushQueue(clock), clock);
  assert(wheels.for(350) === wheels.for(350));
  assert(wheels.for(350) !== wheels.for(30));
});
