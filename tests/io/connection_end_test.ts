import { describeExpectedEnd } from "../../lib/io/connection_end.ts";
import { assertEquals } from "../helpers/assert.ts";

const ENDS: readonly (readonly [error: unknown, reason: string | null])[] = [
  [new Deno.errors.ConnectionReset("x"), "reset by peer"],
  [new Deno.errors.BrokenPipe("x"), "closed by peer"],
  [new Deno.errors.NotConnected("x"), "closed by peer"],
  [new Deno.errors.ConnectionAborted("x"), "aborted"],
  [new Deno.errors.Interrupted("x"), "closed"],
  [new Deno.errors.BadResource("x"), "closed"],
  [new Deno.errors.TimedOut("x"), "timed out"],
  [new TypeError("x"), null],
  ["x", null],
];

for (const [error, reason] of ENDS) {
  const name = error instanceof Error ? error.name : typeof error;
  Deno.test(`describeExpectedEnd() is ${reason} for ${name}`, () => {
    assertEquals(describeExpectedEnd(error), reason);
  });
}
