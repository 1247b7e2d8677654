import { ClientLimits } from "../../lib/server/client_limits.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";

class Rig {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  readonly limits: ClientLimits;

  constructor(maxConnections: number) {
    const { clock, log: { logger } } = this;
    this.limits = new ClientLimits({ maxConnections }, { clock, logger });
  }

  /** Which of `count` connections are admitted. */
  add(count: number, listener = "rtmp://0.0.0.0:1935"): boolean[] {
    return Array.from({ length: count }, () => this.limits.tryAdd(listener));
  }
}

Deno.test("ClientLimits admits a connection for each one that ended", () => {
  const { limits } = new Rig(1);
  assertEquals(limits.tryAdd("a"), true);
  assertEquals(limits.tryAdd("a"), false);
  limits.remove();
  assertEquals(limits.tryAdd("b"), true);
  assertEquals(limits.tryAdd("b"), false);
  assertEquals(limits.refusedCount, 2);
});

Deno.test("ClientLimits.configure() raises and lowers the limit; open connections stay", () => {
  const rig = new Rig(1);
  assertEquals(rig.add(2), [true, false]);
  rig.limits.configure({ maxConnections: 3 });
  assertEquals(rig.add(3), [true, true, false]);
  rig.limits.configure({ maxConnections: 2 });
  rig.limits.remove();
  assertEquals(rig.add(1), [false]);
  rig.limits.remove();
  assertEquals(rig.add(2), [true, false]);
});

Deno.test("ClientLimits reports refusals once a second, by listener", async () => {
  const rig = new Rig(0);
  const reports = () =>
    rig.log.urgent.map(({ fields }) => [fields["listener"], fields["count"], fields["limit"]]);
  rig.add(3, "a");
  rig.add(1, "b");
  await rig.clock.advance(999);
  assertEquals(reports(), []);
  await rig.clock.advance(1);
  assertEquals(reports(), [["a", 3, 0], ["b", 1, 0]]);
  rig.add(1, "b");
  rig.limits.stop();
  await rig.clock.advance(5_000);
  assertEquals([reports().length, rig.clock.pendingCount], [2, 0]);
});

Deno.test("ClientLimits admits some clients of the API beyond the limit, if told to", () => {
  const { clock, log: { logger } } = new Rig(0);
  const limits = new ClientLimits({ maxConnections: 2, apiReserve: 2 }, { clock, logger });
  const listeners = ["rtmp", "rtmp", "rtmp", "http_server", "http_api", "http_api", "http_api"];
  const admitted = listeners.map((name) => limits.tryAdd(`${name} http://0.0.0.0:1`));
  assertEquals(admitted, [true, true, false, false, true, true, false]);
  limits.remove();
  limits.remove();
  assertEquals(limits.tryAdd("rtmp://0.0.0.0:1"), false, "the API counts as well");
});
