import { Bans } from "../../lib/server/bans.ts";
import { DelayHistogram } from "../../lib/base/delay_histogram.ts";
import { noRefusals } from "../../lib/server/refusal_counts.ts";
/** The view of a server with fake clients. */

import { LiveView } from "../../lib/monitor/live_view.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { Hub } from "../../lib/hub/hub.ts";
import type { ClientReport, ClientSource, SourceTotals } from "../../lib/server/client_report.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { videoHeader } from "../helpers/tiny_media.ts";

/** Bit rates are averaged over this long. */
const WINDOW_MS = 30_000;

function client(id: string, report: Partial<ClientReport> = {}): ClientReport {
  return {
    id,
    type: "rtmp-play",
    vhost: "v",
    stream: "live/show",
    ip: "203.0.113.9",
    tcUrl: "",
    pageUrl: "",
    swfUrl: "",
    edge: null,
    isHeld: false,
    isReserve: false,
    ageMs: 0,
    receivedBytes: 0,
    sentBytes: 0,
    skips: 0,
    ...report,
  };
}

/** A source of clients that a test makes up. */
class FakeSource implements ClientSource {
  reports: ClientReport[] = [];
  readonly kicked: string[] = [];

  clientReports(): ClientReport[] {
    return this.reports;
  }

  get clientTotals(): SourceTotals {
    const sum = (key: "receivedBytes" | "sentBytes" | "skips") =>
      this.reports.reduce((total, report) => total + report[key], 0);
    return {
      connections: this.reports.length,
      receivedBytes: sum("receivedBytes"),
      sentBytes: sum("sentBytes"),
      skips: sum("skips"),
    };
  }

  kick(id: string): boolean {
    if (!this.reports.some((report) => report.id === id)) return false;
    this.kicked.push(id);
    return true;
  }

  move(): { asked: number; unable: number } {
    return { asked: 0, unable: 0 };
  }

  closeClients(): void {}
}

class Rig {
  readonly clock = new FakeClock();
  readonly rtmp = new FakeSource();
  readonly flv = new FakeSource();
  readonly hub = new Hub({
    chunkSize: 60_000,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 1_000_000,
    maxMessages: 1_000,
    keepBackMs: 0,
  });
  readonly view: LiveView;

  constructor() {
    const config = parseConfig("listen 1935; vhost v { }", "test.conf", {
      readFile: () => undefined,
    }).config.vhosts.get("v")!;
    const { clock, hub } = this;
    const service = new LocalVhost({ config, hub, clock });
    const clients = [this.rtmp, this.flv];
    const queue = new FlushQueue(clock);
    const limits = { refusedCount: 2, use: { open: 4, limit: 10 } };
    const vhosts = [{ service, hub, mirrors: null, forward: null }];
    this.view = new LiveView({
      clock,
      queue,
      vhosts: () => vhosts,
      clients,
      limits,
      refusals: noRefusals(),
      bans: new Bans(clock),
      probes: { handshakeFailures: 0 },
      hooks: { failureCounts: {} },
      recordings: {
        reportOf: () => null,
        totalsOf: () => ({ active: 0, writtenBytes: 0, failures: 0 }),
      },
      readDelays: new DelayHistogram([0, 0.04]),
    });
    this.view.start();
  }
}

Deno.test("LiveView.snapshot() adds up the clients of all sources", async () => {
  const { view, rtmp, flv, hub } = new Rig();
  rtmp.reports = [
    client("c1", { sentBytes: 10, skips: 2 }),
    client("c2", { type: "fmle-publish" }),
  ];
  flv.reports = [client("h1", { type: "flv-play", sentBytes: 5, skips: 1 })];
  hub.open("live/show").publish();
  const { totals, streams, vhosts, clients } = await view.snapshot();
  assertEquals(totals, { connections: 3, refused: 2, receivedBytes: 0, sentBytes: 15, skips: 3 });
  const [stream] = streams;
  assertEquals([stream!.players, stream!.publisherId, stream!.sentBytes], [2, "c2", 15]);
  assertEquals(vhosts[0]!.sentBytes, 15);
  assertEquals(clients.map(({ id }) => id), ["c1", "c2", "h1"]);
});

Deno.test("LiveView.snapshot() returns plain data that can be posted to another thread", async () => {
  const { view, rtmp, hub } = new Rig();
  rtmp.reports = [client("c1")];
  const source = hub.open("live/show").publish()!;
  const { typeId, timestampMs, payload } = videoHeader();
  source.push(typeId, timestampMs, payload, timestampMs);
  const snapshot = await view.snapshot();
  assertEquals(structuredClone(snapshot), snapshot);
  assertEquals(snapshot.streams[0]!.video?.codec, "H264");
});

Deno.test("LiveView.snapshot() reports rates averaged over 30 s", async () => {
  const { view, rtmp, hub, clock } = new Rig();
  const source = hub.open("live/show").publish()!;
  for (let second = 1; second <= 60; second++) {
    // 125 kB in a second are 1,000 kbit/s.
    rtmp.reports = [client("c1", { receivedBytes: second * 12_500, sentBytes: second * 125_000 })];
    source.push(8, second * 1_000, new Uint8Array(62_500), second * 1_000);
    await clock.advance(1_000);
  }
  const { rate, clients, streams, vhosts } = await view.snapshot();
  const expected = { recvKbps: 100, sendKbps: 1_000 };
  assertEquals([rate, clients[0]!.rate], [expected, expected]);
  assertEquals(streams[0]!.rate, { recvKbps: 500, sendKbps: 1_000 });
  assertEquals(vhosts[0]!.rate, streams[0]!.rate);
  await clock.advance(WINDOW_MS + 3_000);
  const later = await view.snapshot();
  assertEquals(later.clients[0]!.rate, { recvKbps: 0, sendKbps: 0 });
});

Deno.test("LiveView.snapshot() forgets the rates of clients that left", async () => {
  const { view, rtmp, clock } = new Rig();
  rtmp.reports = [client("c1")];
  await clock.advance(6_000);
  rtmp.reports = [client("c1", { sentBytes: 1_000_000 })];
  await clock.advance(3_000);
  assert((await view.snapshot()).clients[0]!.rate.sendKbps > 0);
  rtmp.reports = [];
  await clock.advance(3_000);
  rtmp.reports = [client("c1")];
  assertEquals((await view.snapshot()).clients[0]!.rate, { recvKbps: 0, sendKbps: 0 });
});

Deno.test("LiveView.kick() closes the client at the source that has it", async () => {
  const { view, rtmp, flv } = new Rig();
  rtmp.reports = [client("c1")];
  flv.reports = [client("h1")];
  assertEquals([await view.kick("h1"), await view.kick("x")], [true, false]);
  assertEquals([rtmp.kicked, flv.kicked], [[], ["h1"]]);
  assertEquals((await view.snapshot()).incidents.kicks, 1);
});

Deno.test("LiveView.stop() leaves no timers", async () => {
  const { view, clock } = new Rig();
  await clock.advance(10_000);
  view.stop();
  assertEquals(clock.pendingCount, 0);
});
