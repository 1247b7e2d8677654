import { MemoryTrim } from "../../lib/app/memory_trim.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

const MIB = 1024 * 1024;

/** A heap whose size a test sets. */
class Rig {
  readonly clock = new FakeClock();
  /** Times of collections, in s. */
  readonly collections: number[] = [];
  heldMib = 20;
  /** What a collection leaves. */
  leftMib = 20;
  readonly #startMs = this.clock.now();
  readonly turns = { busyMs: 0 };
  readonly queue = { busyMs: 0 };
  readonly trim = new MemoryTrim({
    ...{ clock: this.clock, turns: this.turns, queue: this.queue },
    heap: {
      heldBytes: () => this.heldMib * MIB,
      collect: () => {
        this.collections.push((this.clock.now() - this.#startMs) / 1000);
        this.heldMib = this.leftMib;
      },
    },
  });

  constructor() {
    this.trim.start();
  }
}

Deno.test("MemoryTrim collects the garbage of a burst once it is over", async () => {
  const rig = new Rig();
  rig.heldMib = 200;
  await rig.clock.advance(5_000);
  assertEquals(rig.collections, [], "the runtime still collects by itself");
  await rig.clock.advance(5_000);
  assertEquals(rig.collections, [10]);
  await rig.clock.advance(600_000);
  assertEquals(rig.collections, [10]);
});

Deno.test("MemoryTrim collects again, less and less often, what a burst has left", async () => {
  const rig = new Rig();
  rig.heldMib = 200;
  rig.leftMib = 150;
  await rig.clock.advance(80_000);
  assertEquals(rig.collections, [10, 20, 40, 80]);
  rig.leftMib = 20;
  await rig.clock.advance(600_000);
  assertEquals(rig.collections, [10, 20, 40, 80, 160]);
});

Deno.test("MemoryTrim begins again after another burst", async () => {
  const rig = new Rig();
  rig.heldMib = 200;
  rig.leftMib = 100;
  await rig.clock.advance(45_000);
  rig.heldMib = 200;
  rig.leftMib = 20;
  await rig.clock.advance(10_000);
  assertEquals(rig.collections, [10, 20, 40, 55]);
});

Deno.test("MemoryTrim leaves a heap alone that holds little more than usual", async () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) {
    rig.heldMib++;
    await rig.clock.advance(5_000);
  }
  assertEquals(rig.collections, []);
});

Deno.test("MemoryTrim does not stop a busy server, whose garbage is collected anyway", async () => {
  for (const work of ["turns", "queue"] as const) {
    const rig = new Rig();
    rig.heldMib = 200;
    for (let second = 0; second < 60; second++) {
      rig[work].busyMs += 60;
      await rig.clock.advance(1_000);
    }
    assertEquals(rig.collections, [], work);
    await rig.clock.advance(5_000);
    assertEquals(rig.collections, [65], work);
  }
});

Deno.test("MemoryTrim does not take everyday garbage for bursts", async () => {
  const rig = new Rig();
  for (let second = 0; second < 600; second += 5) {
    rig.heldMib += 2;
    await rig.clock.advance(5_000);
  }
  assertEquals(rig.collections, [15, 30, 50, 90, 170, 330]);
});

Deno.test("MemoryTrim.stop() leaves no timer", () => {
  const rig = new Rig();
  rig.trim.stop();
  assertEquals(rig.clock.pendingCount, 0);
});
