import { UpstreamError } from "../../lib/base/errors.ts";
import { OriginFailureLog } from "../../lib/upstream/origin_failure_log.ts";
import { assertEquals } from "../helpers/assert.ts";

const A = { hostname: "a", port: 1935 };
const B = { hostname: "b", port: 1935 };
const DEAD = new UpstreamError("connect", "Cannot connect: refused");
const REFUSED = new UpstreamError("command", "Origin refused", {
  statusCode: "NetConnection.Connect.Rejected",
});
const NOT_FOUND = new UpstreamError("play", "Origin refused", {
  statusCode: "NetStream.Play.StreamNotFound",
});

Deno.test("OriginFailureLog warns once per origin and cause until the origin works", () => {
  const log = new OriginFailureLog();
  const levels = () =>
    [[A, DEAD], [A, DEAD], [B, DEAD], [A, REFUSED], [A, REFUSED]].map(([origin, error]) =>
      log.levelOf("pull", origin as typeof A, error)
    );
  assertEquals(levels(), ["warning", "debug", "warning", "warning", "debug"]);
  assertEquals(levels(), ["debug", "debug", "debug", "debug", "debug"]);
  log.works(A);
  assertEquals(levels(), ["warning", "debug", "debug", "warning", "debug"]);
});

Deno.test("OriginFailureLog takes a name that no one publishes for the player's matter", () => {
  const log = new OriginFailureLog();
  assertEquals([log.levelOf("pull", A, NOT_FOUND), log.levelOf("pull", A, NOT_FOUND)], [
    "info",
    "info",
  ]);
  assertEquals(log.levelOf("pull", A, new Error("Still silent")), "warning");
});
