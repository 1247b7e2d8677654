import { WorkTurns } from "../../lib/io/work_turns.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** Work of a millisecond each, and a record of what was done when. */
class Rig {
  readonly clock = new FakeClock();
  readonly turns = new WorkTurns(this.clock);
  readonly done: string[] = [];

  run(name: string, costMs = 1): Promise<void> | null {
    return this.turns.run(() => {
      this.clock.skip(costMs);
      this.done.push(name);
    });
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
  assertThrows(() => rig.turns.run(fail), Error, "bad client");
  assertEquals(rig.clock.pendingCount, 0);
  const failing = rig.turns.run(fail)!;
  const after = rig.run("after")!;
  const rejected = assertRejects(() => failing, Error, "bad client");
  await rig.clock.advance(20);
  await rejected;
  await after;
  assertEquals(rig.done, ["after"]);
});
