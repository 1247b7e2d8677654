/** The main thread's side of worker threads, with fake threads. */

import { type Clock, systemClock } from "../../lib/base/clock.ts";
import type { FromWorker, ToWorker } from "../../lib/threads/worker_message.ts";
import { startWorkers } from "../../lib/threads/worker_pool.ts";
import { assertEquals } from "../helpers/assert.ts";
import { load } from "../config/helpers.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";

/** A thread that starts and stops as asked, and answers new settings as a test decides. */
class FakeThread {
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly received: ToWorker[] = [];
  /** Why settings are not applied, null when they are; "silent" to give no answer. */
  failure: string | null = null;
  isHanging = false;
  isTerminated = false;

  postMessage(message: ToWorker, ports: readonly MessagePort[]): void {
    for (const port of ports) port.close();
    this.received.push(message);
    if (message.type === "start") this.#answer({ type: "listening" });
    if (this.isHanging) return;
    if (message.type === "ping") this.#answer({ type: "pong" });
    if (message.type === "kick") this.#answer({ type: "kicked", id: message.id, isDone: true });
    if (message.type === "stop") this.#answer({ type: "stopped" });
    if (message.type !== "apply" || this.failure === "silent") return;
    this.#answer({ type: "applied", id: message.id, failure: this.failure });
  }

  terminate(): void {
    this.isTerminated = true;
  }

  /** The thread answers what it was sent while it hung. */
  wake(): void {
    this.isHanging = false;
    this.#answer({ type: "pong" });
  }

  /** The thread dies. */
  die(): void {
    this.onerror?.(new ErrorEvent("error", { message: "died", cancelable: true }));
  }

  #answer(data: FromWorker): void {
    queueMicrotask(() => this.onmessage?.(new MessageEvent("message", { data })));
  }
}

/** A pool of two fake threads. */
async function start(clock: Clock = systemClock) {
  const log = new CollectedLog();
  const threads: FakeThread[] = [];
  const { config } = load("listen 1935; max_connections 5; vhost __defaultVhost__ { }");
  const local = { ...config, listen: [{ hostname: "127.0.0.1", port: 0 }] };
  const pool = await startWorkers({
    config: local,
    count: 2,
    logger: log.logger,
    clock,
    createWorker: () => {
      threads.push(new FakeThread());
      return threads.at(-1) as unknown as Worker;
    },
  });
  return { pool, threads, log, config: local };
}

netTest(
  "WorkerPool.apply() sends all threads the same settings, with real ports and shares",
  async () => {
    const { pool, threads, config } = await start();
    const { port } = pool.addresses.rtmp[0]!;
    const failures = await pool.apply(pool.prepare({ ...config, maxConnections: 9 }));
    assertEquals(failures, []);
    for (const { received } of threads) {
      const last = received.at(-1)!;
      if (last.type !== "apply") throw new Error(`The last message is ${last.type}`);
      assertEquals(last.config.listen, [{ hostname: "127.0.0.1", port }]);
      assertEquals(last.config.maxConnections, 5);
    }
    await pool.stop();
  },
);

netTest("WorkerPool.apply() reports threads that fail or do not answer", async () => {
  const { pool, threads, config } = await start();
  threads[0]!.failure = "Address in use";
  threads[1]!.failure = "silent";
  assertEquals(await pool.apply(pool.prepare(config)), [
    "Worker thread 0: Address in use; correct that and apply again, or restart the server",
    "Worker thread 1: no answer within 2000 ms; restart the server if its clients are stuck",
  ]);
  await pool.stop();
});

netTest("WorkerPool starts the replacement of a dead thread with the newest settings", async () => {
  const { pool, threads, config } = await start();
  threads[1]!.failure = "silent";
  const applied = pool.apply(pool.prepare({ ...config, maxConnections: 100 }));
  threads[1]!.die();
  assertEquals(await applied, [], "its replacement has them");
  while (threads.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  const first = threads[2]!.received[0]!;
  if (first.type !== "start") throw new Error(`The first message is ${first.type}`);
  assertEquals(first.config.maxConnections, 50);
  await pool.stop();
});

netTest("the replacement of a dead thread starts with the bans in force", async () => {
  const { pool, threads } = await start();
  const ban = { ip: "10.0.0.1", ms: 60_000, client: "c1", stream: "/live/show" };
  await pool.view.ban([ban, { ...ban, ip: "10.0.0.2" }]);
  assertEquals(await pool.view.lift("10.0.0.2"), true);
  for (const { received } of threads) {
    assertEquals(received.slice(-2).map(({ type }) => type), ["ban", "lift"]);
  }
  threads[1]!.die();
  while (threads.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  const [order] = threads[2]!.received;
  const bans = order?.type === "start" ? order.bans : [];
  assertEquals(bans.map(({ ip, client }) => [ip, client]), [["10.0.0.1", "c1"]]);
  await pool.stop();
});

netTest("WorkerPool replaces a thread that leaves five pings unanswered", async () => {
  const clock = new FakeClock();
  const { pool, threads, log } = await start(clock);
  await clock.advance(60_000);
  threads[1]!.isHanging = true;
  await clock.advance(11_999);
  assertEquals([pool.isWhole, log.urgent], [true, []]);
  await clock.advance(2_000);
  assertEquals(pool.isWhole, false);
  const [line, ...others] = log.urgent;
  assertEquals(others, []);
  assertEquals(line!.fields, {
    worker: 1,
    cause: "no answer for 10 s",
    fix: "restart the server: new clients that the system gives to the thread wait for it",
  });
  await clock.advance(500);
  assertEquals(threads.length, 3);
  await clock.advance(60_000);
  assertEquals(threads.length, 3, "the new one is well");
  threads[1]!.wake();
  await clock.settle();
  assertEquals([threads[1]!.isTerminated, pool.isWhole], [true, true]);
  await pool.stop();
});

netTest(
  "WorkerPool keeps a thread that answers late, and all after a pause of the process",
  async () => {
    const clock = new FakeClock();
    const { pool, threads } = await start(clock);
    threads[1]!.isHanging = true;
    await clock.advance(9_000);
    threads[1]!.isHanging = false;
    await clock.advance(9_000);
    for (const thread of threads) thread.isHanging = true;
    clock.skip(60_000);
    await clock.advance(2_000);
    for (const thread of threads) thread.isHanging = false;
    await clock.advance(60_000);
    assertEquals(threads.length, 2);
    await pool.stop();
  },
);

netTest("WorkerPool answers within a second while a thread hangs, and then at once", async () => {
  const clock = new FakeClock();
  const { pool, threads } = await start(clock);
  threads[1]!.isHanging = true;
  let isAnswered: boolean | null = null;
  const kick = () => pool.view.kick("c1").then((isDone) => isAnswered = isDone);
  void kick();
  await clock.advance(999);
  assertEquals(isAnswered, null);
  await clock.advance(1);
  assertEquals(isAnswered, true);
  await clock.advance(4_000);
  isAnswered = null;
  void kick();
  await clock.settle();
  assertEquals(isAnswered, true);
  threads[1]!.isHanging = false;
  await pool.stop();
});
