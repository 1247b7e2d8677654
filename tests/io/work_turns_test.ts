import { Allowance } from "../../lib/io/allowance.ts";
import { WorkTurns } from "../../lib/io/work_turns.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** Work of a millisecond each, and a record of what was done when. */
class Rig {
  readonly clock = new FakeClock();
  readonly turns = new WorkTurns(this.clock);
  readonly done: string[] = [];

  run(name: string, costMs = 1): Promise<void> | null {
    const doPart = () => {
      this.clock.skip(costMs);
      this.done.push(name);
      return true;
    };
    return this.turns.run({ doPart }, null);
  }

  /** A read that takes so many parts of a millisecond each. */
  flood(name: string, parts: number, allowance: Allowance | null): Promise<void> | null {
    const doPart = () => {
      this.clock.skip(1);
      this.done.push(name);
      return --parts === 0;
    };
    return this.turns.run({ doPart }, allowance);
  }
}

Deno.test("WorkTurns does occasional work at once", async () => {
  const rig = new Rig();
  for (const name of ["a", "b", "c"]) {
    assertEquals(rig.run(name), null);
    await rig.clock.advance(5);
  }
  assertEquals(rig.done, ["a", "b", "c"]);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("WorkTurns does two milliseconds of work in a turn, first come first served", async () => {
  const rig = new Rig();
  const waits = ["a", "b", "c", "d", "e"].map((name) => rig.run(name));
  assertEquals(rig.done, ["a", "b"]);
  assertEquals(waits.map((wait) => wait !== null), [false, false, true, true, true]);
  const between: string[][] = [];
  rig.clock.yield(() => between.push([...rig.done]));
  await rig.clock.advance(10);
  await Promise.all(waits);
  assertEquals(rig.done, ["a", "b", "c", "d", "e"]);
  assertEquals(between, [["a", "b", "c", "d"]], "others had their turn in between");
});

Deno.test("WorkTurns does one job in a turn however long it takes", async () => {
  const rig = new Rig();
  const waits = ["a", "b", "c"].map((name) => rig.run(name, 50));
  assertEquals(rig.done, ["a"]);
  await rig.clock.advance(200);
  await Promise.all(waits);
  assertEquals(rig.done, ["a", "b", "c"]);
});

Deno.test("WorkTurns keeps new work behind work that waits", async () => {
  const rig = new Rig();
  for (const name of ["a", "b", "c"]) rig.run(name);
  rig.clock.skip(10);
  assert(rig.run("d") !== null);
  await rig.clock.advance(20);
  assertEquals(rig.done, ["a", "b", "c", "d"]);
});

Deno.test("WorkTurns rejects with the error of the work and continues", async () => {
  const rig = new Rig();
  function fail(): never {
    rig.clock.skip(5);
    throw new Error("bad client");
  }
  assertThrows(() => rig.turns.run({ doPart: fail }, null), Error, "bad client");
  assertEquals(rig.clock.pendingCount, 0);
  const failing = rig.turns.run({ doPart: fail }, null)!;
  const after = rig.run("after")!;
  const rejected = assertRejects(() => failing, Error, "bad client");
  await rig.clock.advance(20);
  await rejected;
  await after;
  assertEquals(rig.done, ["after"]);
});

Deno.test("WorkTurns reads a publisher at once while others wait, until it has used its allowance", async () => {
  const rig = new Rig();
  for (const name of ["a", "b", "c"]) rig.run(name);
  assertEquals(rig.done, ["a", "b"]);
  const allowance = new Allowance();
  assertEquals(rig.flood("honest", 1, allowance), null);
  const flood = rig.flood("flood", 10, allowance);
  assert(flood !== null, "the rest waits");
  assertEquals(rig.done, ["a", "b", "honest", "flood", "flood", "flood"]);
  await rig.clock.advance(20);
  await flood;
  assertEquals(rig.done.filter((name) => name === "flood").length, 10);
});

Deno.test("WorkTurns does one part of each flood in turn", async () => {
  const rig = new Rig();
  const allowances = [new Allowance(), new Allowance()];
  // Four parts at once: a tenth of the time is free.
  const floods = allowances.map((each, index) => rig.flood(`f${index}`, 7, each));
  assertEquals(rig.done, ["f0", "f0", "f0", "f0", "f1", "f1", "f1", "f1"]);
  const joined = rig.run("new client");
  await rig.clock.advance(20);
  // Turns of two milliseconds.
  assertEquals(rig.done.slice(8), ["f0", "f1", "new client", "f0", "f1", "f0", "f1"]);
  await Promise.all([...floods, joined]);
});

Deno.test("Allowance is a tenth of the time, and three milliseconds more", () => {
  const allowance = new Allowance();
  assertEquals(allowance.isLeft(1_000), true);
  allowance.spend(2);
  assertEquals(allowance.isLeft(1_000), true);
  allowance.spend(11);
  assertEquals([1_000, 1_099, 1_101].map((nowMs) => allowance.isLeft(nowMs)), [false, false, true]);
  // Not saved up.
  assertEquals(allowance.isLeft(100_000), true);
  allowance.spend(3);
  assertEquals(allowance.isLeft(100_000), false);
});

Deno.test("Allowance is 10,000 messages a second, and as many more at once", () => {
  const allowance = new Allowance();
  allowance.isLeft(1_000);
  for (let i = 0; i < 9_999; i++) allowance.countMessage();
  assertEquals([allowance.isLeft(1_000), allowance.restMs(1_000)], [true, 0]);
  for (let i = 0; i < 1_001; i++) allowance.countMessage();
  assertEquals([allowance.isLeft(1_000), allowance.restMs(1_000)], [false, 100]);
  assertEquals([allowance.isLeft(1_099), allowance.restMs(1_099)], [false, 10]);
  assertEquals([allowance.isLeft(1_101), allowance.restMs(1_101)], [true, 0]);
});

Deno.test("WorkTurns lets a publisher rest that floods with messages, and reads others meanwhile", async () => {
  const rig = new Rig();
  const allowance = new Allowance();
  let parts = 0;
  const doPart = () => {
    for (let i = 0; i < 2_000; i++) allowance.countMessage();
    return ++parts === 10;
  };
  const flood = rig.turns.run({ doPart }, allowance);
  assertEquals(parts, 5);
  assertEquals(rig.run("other", 0), null);
  await rig.clock.advance(9);
  assertEquals(parts, 5);
  await rig.clock.advance(1);
  assertEquals(parts, 6);
  await rig.clock.advance(1_000);
  await flood;
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("Allowance takes nothing away when the clock goes back", () => {
  const allowance = new Allowance();
  allowance.isLeft(5_000);
  assertEquals([allowance.isLeft(0), allowance.restMs(0)], [true, 0]);
});
