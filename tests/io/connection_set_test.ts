import { ConnectionSet } from "../../lib/io/connection_set.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { createConnection, type MemoryTransport } from "../helpers/memory_network.ts";
import { encodeUtf8 } from "../../lib/base/bytes.ts";
import { ProbeLog } from "../../lib/io/probe_log.ts";
import { ProxiedTransport } from "../../lib/io/proxied_transport.ts";

/** A connection that the test ends, unless `stop` or `close` does. */
class FakeConnection {
  readonly calls: string[] = [];
  readonly #isBusy: boolean;
  readonly #ended = Promise.withResolvers<void>();

  /** @param isBusy `stop` does not end it. */
  constructor(isBusy: boolean) {
    this.#isBusy = isBusy;
  }

  async run(onEnded: (connection: FakeConnection) => void): Promise<void> {
    await this.#ended.promise;
    onEnded(this);
  }

  check(nowMs: number): void {
    this.calls.push(`check ${nowMs}`);
  }

  stop(): void {
    this.calls.push("stop");
    if (!this.#isBusy) this.end();
  }

  close(): void {
    this.calls.push("close");
    this.end();
  }

  end(): void {
    this.#ended.resolve();
  }
}

class Rig {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  /** Calls of the limit. */
  readonly counted: string[] = [];
  room = Infinity;
  readonly set = new ConnectionSet<FakeConnection>({
    clock: this.clock,
    logger: this.log.logger,
    probes: new ProbeLog({ clock: this.clock, logger: this.log.logger, protocol: "RTMP" }),
    limit: {
      tryAdd: (listener) => this.counted.push(listener) <= this.room,
      remove: () => this.counted.push("remove"),
    },
  });

  admit({ isBusy = false } = {}): { connection: FakeConnection | null; isClosed: boolean } {
    let connection: FakeConnection | null = null;
    const { server } = createConnection();
    this.set.admit(server, "rtmp://a", () => connection = new FakeConnection(isBusy));
    return { connection, isClosed: server.isClosed };
  }

  /** Admits a client of a load balancer. */
  admitProxied(): { client: MemoryTransport; server: MemoryTransport; remotes: string[] } {
    const { client, server } = createConnection("10.0.0.1");
    const remotes: string[] = [];
    this.set.admit(new ProxiedTransport(server), "rtmp://a", ({ remote }) => {
      remotes.push(remote);
      return new FakeConnection(false);
    });
    return { client, server, remotes };
  }
}

Deno.test("ConnectionSet closes a connection that the limit refuses, and creates nothing for it", () => {
  const rig = new Rig();
  rig.room = 0;
  assertEquals(rig.admit(), { connection: null, isClosed: true });
  assertEquals([rig.counted, rig.set.size, rig.clock.pendingCount], [["rtmp://a"], 0, 0]);
});

Deno.test("ConnectionSet makes room when a connection ends", async () => {
  const rig = new Rig();
  const { connection } = rig.admit();
  assertEquals([...rig.set], [connection!]);
  connection!.end();
  await rig.clock.settle();
  assertEquals([rig.counted, rig.set.size], [["rtmp://a", "remove"], 0]);
});

Deno.test("ConnectionSet checks its connections once a second, and has no timer without any", async () => {
  const rig = new Rig();
  const { connection } = rig.admit();
  const startMs = rig.clock.now();
  await rig.clock.advance(1_000);
  await rig.clock.advance(1_000);
  assertEquals(connection!.calls, [`check ${startMs + 1_000}`, `check ${startMs + 2_000}`]);
  connection!.end();
  await rig.clock.advance(1_000);
  assertEquals([connection!.calls.length, rig.clock.pendingCount], [2, 0]);
});

Deno.test("ConnectionSet.stop() gives busy connections the grace, and closes them then", async () => {
  const rig = new Rig();
  const { connection: idle } = rig.admit();
  const { connection: busy } = rig.admit({ isBusy: true });
  let isStopped = false;
  const stopped = rig.set.stop(500).then(() => isStopped = true);
  await rig.clock.advance(499);
  assertEquals([idle!.calls, busy!.calls, isStopped], [["stop"], ["stop"], false]);
  await rig.clock.advance(1);
  await stopped;
  assertEquals([idle!.calls, busy!.calls], [["stop"], ["stop", "close"]]);
  assertEquals([rig.set.size, rig.clock.pendingCount], [0, 0]);
});

Deno.test("ConnectionSet.stop() ends with the last connection, before the grace is over", async () => {
  const rig = new Rig();
  const { connection } = rig.admit({ isBusy: true });
  const stopped = rig.set.stop(500);
  connection!.end();
  await stopped;
  assertEquals([connection!.calls, rig.clock.pendingCount], [["stop"], 0]);
});

const HEADER = encodeUtf8("PROXY TCP4 203.0.113.7 198.51.100.1 56324 1935\r\n");

Deno.test("ConnectionSet serves a client of a load balancer when its address is known", async () => {
  const rig = new Rig();
  const { client, remotes } = rig.admitProxied();
  await client.write(HEADER.slice(0, 20));
  await rig.clock.settle();
  assertEquals([rig.set.size, rig.counted, remotes], [0, ["rtmp://a"], []]);
  await client.write(HEADER.slice(20));
  await rig.clock.settle();
  assertEquals([rig.set.size, rig.counted, remotes], [1, ["rtmp://a"], ["203.0.113.7:56324"]]);
});

Deno.test("ConnectionSet closes a client of a load balancer without a header, with one line", async () => {
  const rig = new Rig();
  const { client, server, remotes } = rig.admitProxied();
  await client.write(new Uint8Array([3]));
  await rig.clock.settle();
  assertEquals([server.isClosed, remotes, rig.counted], [true, [], ["rtmp://a", "remove"]]);
  assertEquals(rig.log.lines.map(({ level, message }) => `${level} ${message}`), [
    "info Client closed: No PROXY protocol header, which an address in proxy_protocol must send",
  ]);
  assertEquals(rig.log.lines[0]!.fields.peer, "10.0.0.1:50000");
});

Deno.test("ConnectionSet says nothing of a load balancer that only checks the port", async () => {
  const rig = new Rig();
  const { client, server } = rig.admitProxied();
  client.close();
  await rig.clock.settle();
  assertEquals([server.isClosed, rig.log.lines], [true, []]);
  const reset = rig.admitProxied();
  reset.server.reset();
  await rig.clock.settle();
  assertEquals([rig.counted, rig.log.lines], [["rtmp://a", "remove", "rtmp://a", "remove"], []]);
});

Deno.test("ConnectionSet closes a load balancer that sends no header for 10 s", async () => {
  const rig = new Rig();
  const { client, server } = rig.admitProxied();
  await client.write(HEADER.slice(0, 20));
  for (let second = 0; second < 10; second++) await rig.clock.advance(1_000);
  assertEquals(server.isClosed, false);
  await rig.clock.advance(1_000);
  await rig.clock.settle();
  assertEquals([server.isClosed, rig.counted], [true, ["rtmp://a", "remove"]]);
  assertEquals(rig.log.count("Client closed: no PROXY header or TLS handshake within 10000 ms"), 1);
});

Deno.test("ConnectionSet.stop() closes connections that send no header yet", async () => {
  const rig = new Rig();
  const { server } = rig.admitProxied();
  await rig.set.stop(500);
  assertEquals([server.isClosed, rig.counted], [true, ["rtmp://a", "remove"]]);
  assertEquals([rig.clock.pendingCount, rig.log.lines], [0, []]);
});

Deno.test("ConnectionSet checks timeouts after all reads, by the time until which all was read", async () => {
  const rig = new Rig();
  rig.clock.readDelayMs = 3_000;
  const { connection } = rig.admit();
  const { client, server } = rig.admitProxied();
  await client.write(HEADER.slice(0, 20));
  await rig.clock.advance(8_000);
  assertEquals(connection!.calls, ["check 1000", "check 5000"]);
  server.noticeLater = (run) => rig.clock.afterReads(run);
  await rig.clock.advance(1_500);
  await client.write(HEADER.slice(20));
  await rig.clock.advance(10_000);
  assertEquals([server.isClosed, rig.set.size], [false, 2], "sent within 10 s, read later");
});
