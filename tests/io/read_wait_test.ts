import { ReadWait } from "../../lib/io/read_wait.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("ReadWait.hasReadUntil() is true for any time before the first wait", () => {
  assertEquals(new ReadWait().hasReadUntil(0), true);
});

Deno.test("ReadWait.hasReadUntil() is false during a wait, for times before it, too", () => {
  const wait = new ReadWait();
  wait.begin();
  assertEquals([1_000, 9e15].map((ms) => wait.hasReadUntil(ms)), [false, false]);
});

Deno.test("ReadWait.hasReadUntil() is true from the end of a wait on, to the fraction of a ms", () => {
  const wait = new ReadWait();
  wait.begin();
  wait.end(1_000.4);
  const times = [999, 1_000.3, 1_000.4, 1_001];
  assertEquals(times.map((ms) => wait.hasReadUntil(ms)), [false, false, true, true]);
});

Deno.test("ReadWait.hasReadUntil() judges by the newest wait", () => {
  const wait = new ReadWait();
  wait.begin();
  wait.end(1_000);
  wait.begin();
  assertEquals(wait.hasReadUntil(1_500), false);
  wait.end(2_000);
  assertEquals([1_500, 2_000].map((ms) => wait.hasReadUntil(ms)), [false, true]);
});
