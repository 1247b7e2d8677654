import { silentLogger } from "../../lib/base/log.ts";
import { EventLog } from "../../lib/monitor/event_log.ts";
import { assertEquals } from "../helpers/assert.ts";
import { CollectedLog } from "../helpers/local_server.ts";

Deno.test("EventLog passes lines on and keeps all but debug, newest first", () => {
  const target = new CollectedLog();
  let nowMs = 1_000;
  const log = new EventLog(target.logger, () => nowMs++);
  log.logger.for("edge", "live/show").warning("Pull failed", { origin: "10.0.0.1:1935" });
  log.logger.info("Listening");
  log.logger.for("conn").debug("Command");
  assertEquals(target.lines.length, 3);
  assertEquals(log.newest("info"), [
    {
      ...{ id: 2, timeMs: 1_001, level: "info", layer: "server", about: "" },
      ...{ message: "Listening", fields: {} },
    },
    {
      ...{ id: 1, timeMs: 1_000, level: "warning", layer: "edge", about: "live/show" },
      ...{ message: "Pull failed", fields: { origin: "10.0.0.1:1935" } },
    },
  ]);
  assertEquals(log.newest("warning").map(({ id }) => id), [1]);
  assertEquals(log.newest("error"), []);
});

Deno.test("A crowd of players hides no failure in EventLog, and memory stays bounded", () => {
  const log = new EventLog(silentLogger, () => 0);
  log.logger.for("edge", "live/show").warning("Pull failed");
  for (let at = 0; at < 10_000; at++) log.logger.for("conn", `c${at}`).info("Play started");
  assertEquals(log.newest("info").length, 201);
  assertEquals(log.newest("info")[0]!.about, "c9999");
  assertEquals(log.newest("warning").map(({ message }) => message), ["Pull failed"]);
  for (let at = 0; at < 1_000; at++) log.logger.for(`layer-${at}`).info("Hello");
  assertEquals(log.newest("info").length < 300, true);
});
