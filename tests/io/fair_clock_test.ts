import { systemClock } from "../../lib/base/clock.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { FairClock } from "../../lib/io/fair_clock.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { MemoryNetwork } from "../helpers/memory_network.ts";
import { needs } from "../helpers/permissions.ts";

/** The clock, and the order in which work ran. */
async function open(network = new MemoryNetwork()) {
  const time = new FakeClock();
  const clock = await FairClock.open(network, time);
  const done: string[] = [];
  const run = (name: string) => clock.yield(() => done.push(name));
  return { time, clock, done, run, connection: network.connections[0]! };
}

Deno.test("FairClock.yield() polls the sockets first, once for all waiting work", async () => {
  const { time, clock, done, run, connection } = await open();
  connection.client.block();
  run("a");
  run("b");
  await time.advance(100);
  assertEquals(done, []);
  connection.client.unblock();
  await time.advance(0);
  assertEquals(done, ["a", "b"]);
  clock[Symbol.dispose]();
});

Deno.test("FairClock.yield() polls again only after 4 ms", async () => {
  const { time, clock, done, run, connection } = await open();
  run("first");
  await time.advance(3);
  connection.client.block();
  run("soon");
  await time.advance(0);
  assertEquals(done, ["first", "soon"]);
  await time.advance(1);
  run("later");
  await time.advance(100);
  assertEquals(done, ["first", "soon"]);
  connection.client.unblock();
  await time.advance(0);
  assertEquals(done, ["first", "soon", "later"]);
  clock[Symbol.dispose]();
});

Deno.test("FairClock runs all waiting work when its connection breaks or is closed", async () => {
  for (const way of ["near", "far", "close"] as const) {
    const { time, clock, done, run, connection } = await open();
    connection.client.block();
    run("waits");
    if (way === "near") connection.client.reset();
    if (way === "far") connection.server.reset();
    if (way === "close") clock[Symbol.dispose]();
    await time.advance(0);
    run("after");
    await time.advance(0);
    assertEquals(done, ["waits", "after"], way);
    assert(connection.client.isClosed && connection.server.isClosed, way);
  }
});

Deno.test("FairClock works without polls when the machine cannot connect to itself", async () => {
  const network = new MemoryNetwork();
  const listen = network.listen.bind(network);
  network.listen = (address) => {
    const listener = listen(address);
    network.silence(listener.port);
    return listener;
  };
  const time = new FakeClock();
  const opening = FairClock.open(network, time);
  await time.advance(1_000);
  const clock = await opening;
  let isDone = false;
  clock.yield(() => isDone = true);
  await time.advance(0);
  assert(isDone);
  assertEquals(time.pendingCount, 0);
});

Deno.test({
  name: "a socket is read while work continues with yield() alone",
  ...await needs("net"),
  async fn() {
    using clock = await FairClock.open(denoNetwork, systemClock);
    const listener = denoNetwork.listen({ hostname: "127.0.0.1", port: 0 });
    const { signal } = new AbortController();
    const [near, far] = await Promise.all([
      denoNetwork.connect({ hostname: "127.0.0.1", port: listener.port }, signal),
      listener.accept(),
    ]);
    listener.close();
    let turns = 0;
    let isRead = false;
    const reading = far.read(new Uint8Array(1)).then(() => isRead = true);
    await new Promise<void>((done) => {
      const work = () => {
        // Longer than the time after which sockets are polled.
        const endMs = performance.now() + 5;
        while (performance.now() < endMs);
        turns++;
        if (isRead || turns === 200) return done();
        if (turns === 5) void near.write(new Uint8Array(1));
        clock.yield(work);
      };
      work();
    });
    await reading;
    near.close();
    far.close();
    assert(turns < 15, `read after ${turns} turns`);
  },
});

Deno.test("FairClock.afterReads() waits for what arrived before the call, not only before a byte under way", async () => {
  const { time, clock, done, run, connection } = await open();
  connection.client.block();
  run("a");
  clock.afterReads(() => done.push("b"));
  connection.client.unblock();
  // The byte that was under way.
  await time.settle();
  connection.client.block();
  await time.advance(0);
  assertEquals(done, ["a"]);
  connection.client.unblock();
  await time.advance(0);
  assertEquals(done, ["a", "b"]);
  clock[Symbol.dispose]();
});

Deno.test("FairClock.yield() polls again when the byte before was read late", async () => {
  const { time, clock, done, run, connection } = await open();
  connection.client.block();
  run("a");
  await time.advance(10);
  connection.client.unblock();
  await time.advance(0);
  connection.client.block();
  run("b");
  await time.advance(0);
  assertEquals(done, ["a"]);
  clock[Symbol.dispose]();
});
