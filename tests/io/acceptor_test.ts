import { Acceptor } from "../../lib/io/acceptor.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { MemoryNetwork } from "../helpers/memory_network.ts";
import type { Transport } from "../../lib/io/transport.ts";

const FIRST = { hostname: "127.0.0.1", port: 1935 };
const SECOND = { hostname: "127.0.0.1", port: 1936 };

class Rig {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly log = new CollectedLog();
  readonly acceptor: Acceptor;
  /** Names of the listeners that clients arrived at. */
  readonly arrivals: string[] = [];
  readonly transports: Transport[] = [];
  /** Address of a load balancer. */
  proxy = "";

  constructor() {
    const { network, clock, log: { logger } } = this;
    this.acceptor = new Acceptor({ network, clock, logger });
    for (const address of [FIRST, SECOND]) this.listen(address);
  }

  listen(address: typeof FIRST): void {
    const options = { scheme: "rtmp", isProxy: (ip: string) => ip === this.proxy };
    this.acceptor.listen(address, options, (transport, listener) => {
      this.arrivals.push(listener);
      this.transports.push(transport);
    });
  }

  async dial(address: typeof FIRST): Promise<void> {
    await this.network.connect(address, new AbortController().signal);
    await this.clock.settle();
  }
}

Deno.test("Acceptor names the listener that a client arrived at", async () => {
  const rig = new Rig();
  await rig.dial(SECOND);
  await rig.dial(FIRST);
  assertEquals(rig.arrivals, ["rtmp://127.0.0.1:1936", "rtmp://127.0.0.1:1935"]);
  await rig.acceptor.stop();
});

Deno.test("Acceptor.unlisten() closes one listener and leaves clients and other listeners alone", async () => {
  const rig = new Rig();
  await rig.dial(FIRST);
  await rig.acceptor.unlisten(FIRST);
  await assertRejects(() => rig.dial(FIRST), Deno.errors.ConnectionRefused);
  await rig.dial(SECOND);
  assertEquals(rig.arrivals.length, 2);
  assertEquals(rig.network.connections.map(({ server }) => server.isClosed), [false, false]);
  rig.listen(FIRST);
  await rig.dial(FIRST);
  assertEquals(rig.arrivals.length, 3);
  await rig.acceptor.stop();
});

Deno.test("Acceptor.unlisten() of an address without a listener does nothing", async () => {
  const rig = new Rig();
  await rig.acceptor.unlisten({ ...FIRST, port: 1 });
  await rig.dial(FIRST);
  assertEquals(rig.arrivals.length, 1);
  await rig.acceptor.stop();
  await rig.acceptor.unlisten(FIRST);
});

Deno.test("Acceptor expects a PROXY header from load balancers only, and asks for each connection", async () => {
  const rig = new Rig();
  await rig.dial(FIRST);
  rig.proxy = "127.0.0.1";
  await rig.dial(FIRST);
  rig.network.clientIp = "127.0.0.2";
  await rig.dial(FIRST);
  const isPrepared = rig.transports.map(({ prepare }) => prepare !== undefined);
  assertEquals(isPrepared, [false, true, false]);
  await rig.acceptor.stop();
});

Deno.test("Acceptor.finish() serves clients that connect until the listener is closed", async () => {
  const rig = new Rig();
  const finished = rig.acceptor.finish([FIRST]);
  await rig.dial(FIRST);
  await rig.clock.advance(15);
  await rig.dial(FIRST);
  await rig.clock.advance(15);
  await rig.dial(FIRST);
  await rig.clock.advance(40);
  await finished;
  assertEquals(rig.arrivals.length, 3);
  assertEquals(rig.network.connections.map(({ server }) => server.isClosed), [false, false, false]);
  await assertRejects(() => rig.dial(FIRST), Deno.errors.ConnectionRefused);
  await rig.dial(SECOND);
  assertEquals(rig.arrivals.length, 4);
  assertEquals(rig.clock.pendingCount, 0);
  await rig.acceptor.stop();
});

Deno.test("Acceptor.finish() closes a listener that never rests after a second", async () => {
  const rig = new Rig();
  let isClosed = false;
  const finished = rig.acceptor.finish([FIRST]).then(() => {
    isClosed = true;
  });
  for (let ms = 0; ms < 1_000; ms += 10) {
    await rig.dial(FIRST);
    await rig.clock.advance(10);
  }
  await rig.clock.advance(40);
  await finished;
  assertEquals([isClosed, rig.arrivals.length >= 99], [true, true]);
});
