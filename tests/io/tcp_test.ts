/** Addresses and the ends of sockets in words. */

import { denoNetwork, describeExpectedEnd, formatAddress } from "../../lib/io/tcp.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../helpers/assert.ts";
import { netTest } from "../helpers/loopback.ts";

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

netTest(
  "denoNetwork.connect() reaches a listener by its name, and says when there is no such name",
  async () => {
    const listener = denoNetwork.listen({ hostname: "127.0.0.1", port: 0 });
    const { signal } = new AbortController();
    const accepting = listener.accept();
    const client = await denoNetwork.connect(
      { hostname: "localhost", port: listener.port },
      signal,
    );
    const server = await accepting;
    assertEquals(client.remote, `127.0.0.1:${listener.port}`);
    client.close();
    server.close();
    listener.close();
    const missing = { hostname: "no-such-host.invalid", port: 1935 };
    const error = await assertRejects(() => denoNetwork.connect(missing, signal), Error);
    assertStringIncludes(error.message, "no-such-host.invalid");
  },
);
