import { parseConfig } from "../../lib/config/parse_config.ts";
import { PingWatch } from "../../lib/server/ping_watch.ts";
import { assertEquals } from "../helpers/assert.ts";

const PLAY = parseConfig(
  "listen 1935; vhost v { play { ping 10s; ping_timeout 3s; } }",
  "test.conf",
  { readFile: () => undefined },
).config.vhosts.get("v")!.play;

Deno.test("PingWatch.check() asks for one ping when the client is silent, and to close it without an answer", () => {
  const watch = new PingWatch(1_000);
  const times = [1_000, 10_999, 11_000, 12_000, 13_999, 14_000];
  assertEquals(times.map((nowMs) => watch.check(nowMs, nowMs, PLAY)), [
    ...["wait", "wait", "ping", "wait", "wait"],
    "close",
  ]);
});

Deno.test("PingWatch.check() accepts any byte as an answer, and starts over", () => {
  const watch = new PingWatch(0);
  assertEquals(watch.check(10_000, 10_000, PLAY), "ping");
  watch.onHeard(12_000);
  assertEquals(watch.lastHeardMs, 12_000);
  const times = [13_000, 21_999, 22_000, 25_000];
  assertEquals(times.map((nowMs) => watch.check(nowMs, nowMs, PLAY)), [
    "wait",
    "wait",
    "ping",
    "close",
  ]);
});
