import { LogThrottle } from "../../lib/logging/log_throttle.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";

const LEFT_OUT = "Log lines left out: too many in a second";

function createRig() {
  const clock = new FakeClock();
  const log = new CollectedLog();
  const throttle = new LogThrottle(log.logger, clock);
  return {
    clock,
    throttle,
    logger: throttle.logger,
    log,
    /** The lines since the last call: level, layer, id, message, number left out. */
    take: () =>
      log.lines.splice(0).map(({ level, layer, id, message, fields }) =>
        [level, id === undefined ? layer : `${layer} ${id}`, message, fields.count ?? 0].join("|")
      ),
  };
}

Deno.test("LogThrottle passes lines with fields, layers and ids", () => {
  const { logger, log } = createRig();
  logger.info("Started", { pid: 1 });
  logger.for("conn", "c1").warning("Client closed: why");
  logger.for("net").error("Broken");
  logger.for("net").debug("Tick");
  assertEquals(log.lines, [
    { level: "info", layer: "edge", id: undefined, message: "Started", fields: { pid: 1 } },
    { level: "warning", layer: "conn", id: "c1", message: "Client closed: why", fields: {} },
    { level: "error", layer: "net", id: undefined, message: "Broken", fields: {} },
    { level: "debug", layer: "net", id: undefined, message: "Tick", fields: {} },
  ]);
});

Deno.test("LogThrottle passes ten warnings of a kind per second, and counts the others", async () => {
  const { clock, logger, take } = createRig();
  for (let i = 1; i <= 700; i++) logger.for("conn", `c${i}`).warning(`Client closed: reason ${i}`);
  assertEquals(take().length, 10);
  await clock.advance(999);
  assertEquals(take(), []);
  await clock.advance(1);
  assertEquals(take(), [`warning|conn|${LEFT_OUT}|690`]);
  logger.for("conn", "c701").warning("Client closed: later");
  assertEquals(take(), ["warning|conn c701|Client closed: later|0"]);
});

Deno.test("LogThrottle passes other kinds, layers and levels while one floods", () => {
  const { logger, take } = createRig();
  for (let i = 0; i < 50; i++) logger.for("conn", `c${i}`).warning("Client closed: flood");
  take();
  logger.for("conn", "c51").warning("Client refused: other kind");
  logger.for("http").warning("Client closed: other layer");
  logger.for("conn", "c51").error("Client closed: other level");
  assertEquals(take().length, 3);
});

Deno.test("LogThrottle passes a hundred lines of a kind per second at info", async () => {
  const { clock, logger, take } = createRig();
  for (let i = 0; i < 300; i++) logger.for("conn", `c${i}`).info("Play started");
  assertEquals(take().length, 100);
  await clock.advance(1000);
  assertEquals(take(), [`info|conn|${LEFT_OUT}|200`]);
});

Deno.test("A connection that publishes and ends 5,000 times a second leaves few lines", async () => {
  const { clock, logger, log, take } = createRig();
  const conn = logger.for("conn", "c1");
  let lines = 0;
  for (let second = 0; second < 6; second++) {
    for (let i = 0; i < 5_000; i++) {
      conn.info("Publish started");
      conn.info("Publish ended");
    }
    // Others are heard meanwhile.
    logger.for("conn", `d${second}`).info("Publish started");
    lines += take().length - 1;
    await clock.advance(1000);
    const { level, id, message, fields } = log.lines[0]!;
    assertEquals([level, id, message, fields.last], ["info", "c1", LEFT_OUT, "Publish ended"]);
    assertEquals(fields.count, second === 0 ? 9_990 : 9_999);
    lines += take().length;
  }
  assertEquals(lines, 10 + 5 + 6);
  // A quiet second, and it is trusted again.
  await clock.advance(1000);
  for (let i = 0; i < 10; i++) conn.info("Publish started");
  assertEquals(take().length, 10);
});

Deno.test("LogThrottle passes warnings about a connection that floods at info", async () => {
  const { clock, logger, take } = createRig();
  const conn = logger.for("conn", "c1");
  for (let i = 0; i < 12; i++) conn.info("Publish started");
  take();
  conn.warning("Client refused: too many publishes");
  assertEquals(take(), ["warning|conn c1|Client refused: too many publishes|0"]);
  await clock.advance(1000);
  assertEquals(take(), [`info|conn c1|${LEFT_OUT}|2`]);
});

Deno.test("LogThrottle.stop() reports what was left out", async () => {
  const { clock, logger, throttle, take } = createRig();
  for (let i = 0; i < 12; i++) logger.warning("Repeated");
  take();
  throttle.stop();
  assertEquals(take(), [`warning|edge|${LEFT_OUT}|2`]);
  await clock.advance(5000);
  assertEquals(take(), []);
});

Deno.test("LogThrottle has no timer while nothing is logged", async () => {
  const { clock, logger } = createRig();
  logger.info("Once");
  assert(clock.pendingCount > 0);
  await clock.advance(1000);
  assertEquals(clock.pendingCount, 0);
});
