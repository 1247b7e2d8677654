import { ConnectionSet } from "../../lib/io/connection_set.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { createConnection } from "../helpers/memory_network.ts";

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
  /** Calls of the limit. */
  readonly counted: string[] = [];
  room = Infinity;
  readonly set = new ConnectionSet<FakeConnection>({
    clock: this.clock,
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
