import { ProbeLog } from "../../lib/io/probe_log.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";

function createRig() {
  const clock = new FakeClock();
  const log = new CollectedLog();
  const probes = new ProbeLog({ clock, logger: log.logger, protocol: "RTMP" });
  let id = 0;
  return {
    clock,
    probes,
    probe(count: number): void {
      for (let i = 0; i < count; i++) {
        id++;
        const fields = { peer: `203.0.113.9:${id}`, code: "handshake.version" };
        probes.add(log.logger.for("conn", `c${id}`), `reason ${id}`, fields);
      }
    },
    take: () => log.lines.splice(0),
  };
}

function summary(count: number, last: number) {
  return {
    level: "info" as const,
    layer: "conn",
    id: undefined,
    message: "Clients closed: they did not speak RTMP",
    fields: { count, last_peer: `203.0.113.9:${last}`, last_cause: `reason ${last}` },
  };
}

Deno.test("ProbeLog logs the first probe at once, and counts the others once a second", async () => {
  const { clock, probe, take } = createRig();
  probe(700);
  assertEquals(take(), [{
    level: "info",
    layer: "conn",
    id: "c1",
    message: "Client closed: reason 1",
    fields: { peer: "203.0.113.9:1", code: "handshake.version" },
  }]);
  await clock.advance(1000);
  assertEquals(take(), [summary(699, 700)]);
  probe(3);
  assertEquals(take(), []);
  await clock.advance(1000);
  assertEquals(take(), [summary(3, 703)]);
  await clock.advance(1000);
  assertEquals([take(), clock.pendingCount], [[], 0]);
  probe(1);
  assertEquals(take().map(({ message }) => message), ["Client closed: reason 704"]);
});

Deno.test("ProbeLog.stop() reports the probes that are counted", async () => {
  const { clock, probes, probe, take } = createRig();
  probe(3);
  take();
  probes.stop();
  assertEquals(take(), [summary(2, 3)]);
  await clock.advance(5000);
  assertEquals(take(), []);
});
