/** Addresses and the ends of sockets in words. */

import { describeExpectedEnd, formatAddress } from "../../lib/net/deno_tcp.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("formatAddress() puts brackets round an IPv6 address only", () => {
  assertEquals(formatAddress({ hostname: "127.0.0.1", port: 1935 }), "127.0.0.1:1935");
  assertEquals(formatAddress({ hostname: "origin.example", port: 1 }), "origin.example:1");
  assertEquals(formatAddress({ hostname: "::1", port: 1935 }), "[::1]:1935");
});

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
