import type { LogFields } from "../../lib/base/log.ts";
import type { OriginAddress } from "../../lib/config/config.ts";
import type { OriginName } from "../../lib/config/origin_address.ts";
import { formatAddress } from "../../lib/io/address.ts";
import { OriginDiscovery } from "../../lib/upstream/origin_discovery.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { ScriptedNames } from "../helpers/memory_network.ts";

const NAME: OriginName = { discovery: "dns", hostname: "origins.example", port: 1936 };
const SERVICE: OriginName = { discovery: "srv", hostname: "_rtmp._tcp.example", port: 0 };
const FIXED: OriginAddress = { hostname: "fixed.example", port: 1935 };

/** A discovery that has asked once. */
class Rig {
  readonly clock = new FakeClock();
  readonly names = new ScriptedNames();
  readonly log = new CollectedLog();
  changes = 0;
  readonly discovery: OriginDiscovery;

  constructor(...origins: (OriginAddress | OriginName)[]) {
    this.discovery = new OriginDiscovery({ origins, dnsServer: null }, {
      resolver: this.names,
      clock: this.clock,
      logger: this.log.logger,
      onChange: () => this.changes++,
    });
  }

  get origins(): string {
    return this.discovery.origins.map(formatAddress).join(" ");
  }

  async start(...addresses: string[]): Promise<void> {
    this.names.a.set("origins.example", addresses);
    this.discovery.start();
    await this.advance(0);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    for (let round = 0; round < 5; round++) await this.clock.settle();
  }

  /** Returns the log lines that begin so. */
  linesOf(start: string) {
    return this.log.lines.filter(({ message }) => message.startsWith(start));
  }

  /** Returns the fields of the newest log line that begins so. */
  fields(start: string): LogFields | undefined {
    return this.linesOf(start).at(-1)?.fields;
  }

  end(): void {
    this.discovery.close();
    assertEquals(this.clock.pendingCount, 0, "timers are left");
  }
}

Deno.test("OriginDiscovery makes every address of a name an origin, in its place in the list", async () => {
  const rig = new Rig(FIXED, NAME);
  assertEquals(rig.origins, "fixed.example:1935");
  await rig.start("10.0.0.2", "10.0.0.1");
  assertEquals(rig.origins, "fixed.example:1935 10.0.0.1:1936 10.0.0.2:1936");
  assertEquals(rig.changes, 1);
  rig.end();
});

Deno.test("OriginDiscovery asks every 5 s, and reports only changes", async () => {
  const rig = new Rig(NAME);
  await rig.start("10.0.0.1", "10.0.0.2");
  rig.names.a.set("origins.example", ["10.0.0.2", "10.0.0.1"]);
  await rig.advance(5_000);
  assertEquals([rig.names.asked.length, rig.changes], [2, 1]);
  rig.names.a.set("origins.example", ["10.0.0.2", "10.0.0.3"]);
  await rig.advance(5_000);
  assertEquals([rig.origins, rig.changes], ["10.0.0.2:1936 10.0.0.3:1936", 2]);
  const line = rig.fields("Origins of a name changed");
  assertEquals([line?.added, line?.removed], ["10.0.0.3:1936", "10.0.0.1:1936"]);
  rig.end();
});

Deno.test("OriginDiscovery keeps the last answer of a name that fails, and warns once", async () => {
  const rig = new Rig(NAME);
  await rig.start("10.0.0.1");
  rig.names.a.delete("origins.example");
  await rig.advance(15_000);
  assertEquals([rig.origins, rig.changes], ["10.0.0.1:1936", 1]);
  const [report] = rig.discovery.reports;
  assertEquals([report?.lastError, report?.ageMs], ["no records found", 15_000]);
  assertEquals(rig.linesOf("Name of origins not resolved").length, 1);
  rig.names.a.set("origins.example", ["10.0.0.1"]);
  await rig.advance(5_000);
  assertEquals(rig.discovery.reports[0]?.lastError, "");
  rig.end();
});

Deno.test("OriginDiscovery keeps the last answer while the name server is silent", async () => {
  const rig = new Rig(NAME);
  await rig.start("10.0.0.1");
  rig.names.isSilent = true;
  await rig.advance(5_000);
  await rig.advance(4_000);
  assertEquals(rig.discovery.reports[0]?.lastError, "no answer within 4000 ms");
  assertEquals(rig.origins, "10.0.0.1:1936");
  rig.end();
});

Deno.test("OriginDiscovery asks more often before the first answer", async () => {
  const rig = new Rig(NAME);
  rig.discovery.start();
  await rig.advance(1_000);
  assertEquals([rig.origins, rig.names.asked.length], ["", 3]);
  rig.names.a.set("origins.example", ["10.0.0.1"]);
  await rig.advance(500);
  assertEquals(rig.origins, "10.0.0.1:1936");
  rig.end();
});

Deno.test("OriginDiscovery takes port, weight and priority from SRV records", async () => {
  const rig = new Rig(SERVICE);
  rig.names.srv.set("_rtmp._tcp.example", [
    { target: "b.example.", port: 1941, priority: 10, weight: 0 },
    { target: "a.example.", port: 1940, priority: 5, weight: 30 },
  ]);
  rig.names.a.set("a.example.", ["10.0.0.1", "10.0.0.3"]);
  rig.names.a.set("b.example.", ["10.0.0.2"]);
  await rig.start();
  const group = "srv:_rtmp._tcp.example";
  assertEquals(rig.discovery.origins, [
    { hostname: "10.0.0.1", port: 1940, weight: 15, tier: 5, group },
    { hostname: "10.0.0.2", port: 1941, weight: 1, tier: 10, group },
    { hostname: "10.0.0.3", port: 1940, weight: 15, tier: 5, group },
  ]);
  // One server that cannot be resolved would lose its streams: the answer before is kept.
  rig.names.a.delete("b.example.");
  await rig.advance(5_000);
  assertEquals(rig.discovery.origins.length, 3);
  rig.end();
});

Deno.test("OriginDiscovery refuses what is no address of one server", async () => {
  const rig = new Rig(NAME);
  await rig.start(
    ...["0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "0:0::0", "ff02::1", "a.b", "10.0.0.1"],
    ...["127.0.0.5", "fd00::1", "10.0.0.1"],
  );
  assertEquals(rig.origins, "10.0.0.1:1936 127.0.0.5:1936 [fd00::1]:1936");
  assertEquals(rig.fields("Addresses of a name ignored")?.ignored, 8);
  rig.end();
});

Deno.test("OriginDiscovery uses 256 addresses of a name at most", async () => {
  const rig = new Rig(NAME);
  await rig.start(
    ...Array.from({ length: 300 }, (_, index) => `10.0.${index >> 8}.${index & 255}`),
  );
  assertEquals(rig.discovery.origins.length, 256);
  assertEquals(rig.fields("Addresses of a name ignored")?.ignored, 44);
  rig.end();
});

Deno.test("OriginDiscovery names the certificate of an origin with TLS", async () => {
  const rig = new Rig({ ...NAME, isSecure: true });
  await rig.start("10.0.0.1");
  assertEquals(rig.discovery.origins, [{
    ...{ hostname: "10.0.0.1", port: 1936, isSecure: true, certificateName: "origins.example" },
    ...{ weight: 1, tier: 0, group: "dns:rtmps://origins.example:1936" },
  }]);
  rig.end();
});

Deno.test("OriginDiscovery.configure() keeps names that stay, and drops others", async () => {
  const rig = new Rig(NAME, SERVICE);
  await rig.start("10.0.0.1");
  rig.discovery.configure({ origins: [NAME, FIXED], dnsServer: null });
  assertEquals(rig.origins, "10.0.0.1:1936 fixed.example:1935");
  assertEquals(rig.discovery.reports.map(({ name }) => name), ["dns:origins.example:1936"]);
  rig.discovery.configure({ origins: [FIXED], dnsServer: null });
  await rig.advance(10_000);
  assertEquals(rig.origins, "fixed.example:1935");
  rig.end();
});
