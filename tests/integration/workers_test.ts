/**
 * A server with several threads: clients on any thread, each stream pulled once, and a thread that
 * dies or hangs.
 */

import { startWorkers, type WorkerPool } from "../../lib/threads/worker_pool.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../helpers/assert.ts";
import {
  CollectedLog,
  type LocalServer,
  PROMPT,
  startLocalServer,
} from "../helpers/local_server.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";
import { netTest } from "../helpers/loopback.ts";
import { keyframe } from "../helpers/tiny_media.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { delay, until } from "../helpers/until.ts";

const TIMEOUT = { timeoutMs: 10_000 };

/** A server with two threads. */
class Rig implements AsyncDisposable {
  readonly log = new CollectedLog();
  readonly threads: Worker[] = [];
  readonly #stack = new AsyncDisposableStack();
  #pool: WorkerPool | null = null;

  get pool(): WorkerPool {
    return this.#pool!;
  }

  get port(): number {
    return this.pool.addresses.rtmp[0]!.port;
  }

  static async start(vhost = `vhost __defaultVhost__ { ${PROMPT} }`): Promise<Rig> {
    const rig = new Rig();
    const { config } = parseConfig(`listen 127.0.0.1:1935; ${vhost}`, "test.conf", {
      readFile: () => undefined,
    });
    const pool = await startWorkers({
      config: {
        ...config,
        listen: [{ hostname: "127.0.0.1", port: 0 }],
        // Workers report snapshots only if there is an API; the test reads them from the pool.
        httpApi: { ...config.httpApi, enabled: true },
      },
      count: 2,
      logger: rig.log.logger,
      createWorker: () => {
        const thread = new Worker(new URL("../helpers/fragile_worker.ts", import.meta.url), {
          type: "module",
        });
        rig.threads.push(thread);
        return thread;
      },
    });
    rig.#pool = pool;
    rig.#stack.defer(() => pool.stop());
    return rig;
  }

  use<T extends AsyncDisposable>(client: T): T {
    return this.#stack.use(client);
  }

  async publish(name: string): Promise<RtmpClient> {
    return this.use(await RtmpClient.publish(this.port, name));
  }

  async play(name: string): Promise<RtmpClient> {
    return this.use(await RtmpClient.play(this.port, name));
  }

  /** Adds players until every thread has some; the kernel chooses the thread. */
  async playEverywhere(name: string): Promise<RtmpClient[]> {
    const players: RtmpClient[] = [];
    while (!this.#hasLineOf("w0") || !this.#hasLineOf("w1") || players.length < 4) {
      assert(players.length < 60, "one thread has no clients");
      players.push(await this.play(name));
    }
    return players;
  }

  #hasLineOf(thread: string): boolean {
    return this.log.lines.some(({ id, message }) =>
      id?.startsWith(thread) && message.startsWith("Play")
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function pushNumbers(publisher: RtmpClient, from: number, count: number): void {
  for (let i = from; i < from + count; i++) publisher.push(numberedFrame(i, i * 40));
}

netTest("startWorkers() gives players on all threads what is published on one", async () => {
  await using rig = await Rig.start();
  const publisher = await rig.publish("show");
  pushNumbers(publisher, 0, 1);
  const players = await rig.playEverywhere("show");
  pushNumbers(publisher, 1, 49);
  for (const player of players) {
    await player.untilMedia(50);
    assertEquals(player.media.map(numberOf), Array.from({ length: 50 }, (_, i) => i));
  }
  for (let i = 0; i < 4; i++) {
    const error = await assertRejects(() => rig.publish("show"), Error);
    assertStringIncludes(error.message, "NetStream.Publish.BadName");
  }
});

netTest("startWorkers() records each stream once, and reports it with its publisher", async () => {
  if ((await needs("read", "write")).ignore) return;
  await inTempDirectory(async (folder) => {
    const { promise: heard, resolve } = Promise.withResolvers<Record<string, unknown>>();
    await using hook = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        resolve(await request.json());
        return new Response("0");
      },
    );
    const hooks = `http_hooks { enabled on; on_dvr http://127.0.0.1:${hook.addr.port}/; }`;
    const dvr = `dvr { enabled on; dvr_path ${folder}/[stream].flv; }`;
    await using rig = await Rig.start(`vhost __defaultVhost__ { ${PROMPT} ${dvr} ${hooks} }`);
    const publishers = await Promise.all(["a", "b", "c", "d"].map((name) => rig.publish(name)));
    for (const publisher of publishers) pushNumbers(publisher, 0, 20);
    const active = async () => (await rig.pool.view.snapshot()).vhosts[0]!.recordings.active;
    await until("four recordings", async () => await active() === 4, TIMEOUT);
    const { streams } = await rig.pool.view.snapshot();
    assertEquals(streams.map(({ recording }) => recording?.file).sort(), [
      ...["a", "b", "c", "d"].map((name) => `${folder}/${name}.flv.tmp`),
    ]);
    publishers[0]!.sendCommand("deleteStream", [null, 1]);
    const { file, ip, client_id: id } = await heard;
    assertEquals([file, ip], [`${folder}/a.flv`, "127.0.0.1"]);
    assert(/^w[01]c\d+$/.test(String(id)), String(id));
  });
});

netTest("startWorkers() has one upstream for players on all threads", async () => {
  await using origin: LocalServer = startLocalServer(`vhost __defaultVhost__ { ${PROMPT} }`);
  const cluster = `cluster { mode remote; origin 127.0.0.1:${origin.port}; }`;
  await using rig = await Rig.start(`vhost __defaultVhost__ { ${PROMPT} ${cluster} }`);
  const publisher = rig.use(await RtmpClient.publish(origin.port, "show"));
  pushNumbers(publisher, 0, 1);
  const players = await rig.playEverywhere("show");
  pushNumbers(publisher, 1, 9);
  for (const player of players) await player.untilMedia(10);
  assertEquals(origin.counts.players, 1);
});

netTest("WorkerPool reports both threads as one server, and closes clients in either", async () => {
  await using rig = await Rig.start();
  const publisher = await rig.publish("show");
  pushNumbers(publisher, 0, 1);
  const players = await rig.playEverywhere("show");
  for (const player of players) await player.untilMedia(1);
  const { streams, clients } = await rig.pool.view.snapshot();
  assertEquals(streams.map(({ name, players }) => [name, players]), [[
    "live/show",
    players.length,
  ]]);
  const publisherId = clients.find(({ type }) => type === "fmle-publish")!.id;
  assertEquals(streams[0]!.publisherId, publisherId);
  assertEquals(clients.length, players.length + 1);

  for (const { id } of clients) assertEquals(await rig.pool.view.kick(id), true);
  assertEquals(await rig.pool.view.kick("c4711"), false);
  await until("all clients have left", () => players.every(({ isEnded }) => isEnded), TIMEOUT);
});

netTest("startWorkers() replaces a thread that dies, and players on the other stay", async () => {
  await using rig = await Rig.start();
  // Enough streams that each thread owns some.
  const names = Array.from({ length: 8 }, (_, index) => `show${index}`);
  for (const name of names) {
    const publisher = await rig.publish(name);
    publisher.push(keyframe(0));
  }
  const players: RtmpClient[] = [];
  for (const name of names) players.push(await rig.play(name));
  rig.threads[1]!.postMessage({ type: "die" });
  await until(
    "the loss is logged",
    () => rig.log.count("Worker thread died with its clients; starting another") === 1,
    TIMEOUT,
  );
  await until(
    "the clients of the dead thread have left",
    () => players.some(({ isEnded }) => isEnded),
    TIMEOUT,
  );
  await until("another thread is started", () => rig.threads.length === 3, TIMEOUT);
  // Every stream can be published and played, on whichever thread a client lands.
  for (const name of names.map((each) => `${each}-new`)) {
    const publisher = await rig.publish(name);
    const player = await rig.play(name);
    publisher.push(keyframe(0));
    await player.untilMedia(1);
  }
});

netTest("startWorkers() replaces a thread that hangs, and the pool answers meanwhile", async () => {
  await using rig = await Rig.start();
  rig.threads[1]!.postMessage({ type: "hang", ms: 14_000 });
  while (rig.threads.length < 3) {
    const startMs = performance.now();
    await rig.pool.view.snapshot();
    assertEquals(await rig.pool.view.kick("c4711"), false);
    assert(performance.now() - startMs < 3_000, "an answer takes long");
    await delay(100);
  }
  assertEquals(rig.log.count("Worker thread hangs with its clients; starting another"), 1);
  assertEquals(rig.pool.isWhole, false);
  await until("the thread runs again, and is ended", () => rig.pool.isWhole, TIMEOUT);
  const publishers: RtmpClient[] = [];
  while (publishers.length < 8) publishers.push(await rig.publish(`show${publishers.length}`));
  const players: RtmpClient[] = [];
  for (let i = 0; i < 8; i++) players.push(await rig.play(`show${i}`));
  for (const publisher of publishers) publisher.push(keyframe(0));
  for (const player of players) await player.untilMedia(1);
});

netTest("startWorkers() rejects a port that is in use", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { config } = parseConfig(
    `listen 127.0.0.1:${listener.addr.port}; vhost __defaultVhost__ { }`,
    "test.conf",
    { readFile: () => undefined },
  );
  const logger = new CollectedLog().logger;
  await assertRejects(
    () => startWorkers({ config, count: 2, logger }),
    Deno.errors.AddrInUse,
  );
  listener.close();
});
