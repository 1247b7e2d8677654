import type { Clock } from "../../lib/base/clock.ts";
import type { MediaMessage } from "../../lib/demo/frame_check.ts";
import type { DemoNetwork, DemoServerOptions } from "../../lib/demo/demo_parts.ts";
import { runDemo } from "../../lib/demo/run_demo.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../helpers/assert.ts";

/** A clock that jumps to the next timer when the program waits. */
class JumpingClock implements Pick<Clock, "now" | "after"> {
  #nowMs = 1000;

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    queueMicrotask(() => {
      this.#nowMs += delayMs;
      if (!isCancelled) run();
    });
    return () => isCancelled = true;
  }
}

type Deliver = (message: MediaMessage) => void;

/** Servers in memory: what is published to one arrives at the players of all. */
class FakeNetwork implements DemoNetwork {
  readonly log: string[] = [];
  /** Returns what player `n` receives of message `i`. */
  spoil = (message: MediaMessage, _n: number, _i: number): MediaMessage[] => [message];
  refusedPort = 0;
  readonly #players: Deliver[] = [];
  #published: MediaMessage[] = [];
  #nextPort = 5001;

  startServer({ origins, cluster, hasWeb }: DemoServerOptions) {
    const port = this.#nextPort++;
    const what = cluster === undefined ? "" : ` ${cluster}`;
    this.log.push(`start ${port} of ${origins.join()}${what}`);
    return Promise.resolve({
      port,
      webUrl: hasWeb ? "http://127.0.0.1:8080" : null,
      stats: () => ({ viewers: 3, upstreams: origins.length }),
      stop: () => this.#close(`stop ${port}`),
      restart: () => this.#close(`restart ${port}`),
      lose: (how: string) => this.#close(`${how} ${port}`),
      heal: () => this.#close(`heal ${port}`),
    });
  }

  publish(url: string) {
    this.log.push(`publish ${url}`);
    return Promise.resolve({
      push: (typeId: number, timestampMs: number, payload: Uint8Array) => {
        const message = { typeId, timestampMs, payload };
        this.#published.push(message);
        this.#players.forEach((deliver) => deliver(message));
      },
      close: () => this.#close("close publisher"),
    });
  }

  play(url: string, onMessage: Deliver) {
    if (url.includes(`:${this.refusedPort}/`)) return Promise.reject(new Error("Play refused"));
    const n = this.#players.length;
    let i = 0;
    const deliver = (message: MediaMessage) => this.spoil(message, n, i++).forEach(onMessage);
    this.#published.forEach(deliver);
    this.#players.push(deliver);
    return Promise.resolve({ close: () => this.#close("close player") });
  }

  #close(what: string): Promise<void> {
    this.log.push(what);
    return Promise.resolve();
  }
}

async function run(
  network: FakeNetwork,
  options: {
    readonly seconds?: number;
    readonly signal?: AbortSignal;
    readonly scene?: "restart" | "failover";
    readonly open?: (url: string) => void;
  } = { seconds: 2 },
): Promise<{ readonly isComplete: boolean; readonly written: string }> {
  let written = "";
  const isComplete = await runDemo({
    network,
    clock: new JumpingClock(),
    write: (text) => written += text,
    isTerminal: false,
    signal: new AbortController().signal,
    ...options,
  });
  return { isComplete, written };
}

Deno.test("runDemo() succeeds when every player receives every frame", async () => {
  const { isComplete, written } = await run(new FakeNetwork());
  assert(isComplete, written);
  assertStringIncludes(written, "rtmp://127.0.0.1:5002/live/demo");
  assertStringIncludes(written, "1 s  encoder → edge: ");
  // Sent until the last tick of 20 ms before 2 s: video 0…1960 ms, audio 0…1952 ms
  assertStringIncludes(written, "encoder → edge         112    ");
  assertStringIncludes(written, "OK: all 6 players got every frame once");
});

Deno.test("runDemo() chains the servers and closes everything it opened, last first", async () => {
  const network = new FakeNetwork();
  await run(network);
  assertEquals(network.log, [
    "start 5001 of ",
    "start 5002 of 127.0.0.1:5001",
    "start 5003 of 127.0.0.1:5002",
    "publish rtmp://127.0.0.1:5002/live/demo",
    ...Array.from({ length: 6 }, () => "close player"),
    "close publisher",
    "stop 5003",
    "stop 5002",
    "stop 5001",
  ]);
});

Deno.test("runDemo() publishes for 15 s by default", async () => {
  const network = new FakeNetwork();
  let newestMs = 0;
  network.spoil = (message) => {
    newestMs = message.timestampMs;
    return [message];
  };
  const { written } = await run(network, {});
  assertEquals(newestMs, 14_976); // the last audio frame before 15 s: 468 × 32 ms
  assertStringIncludes(written, "14 s  encoder");
});

const FAULTS = [
  {
    name: "a lost frame",
    // Player 2 is the first of the second edge.
    spoil: (m: MediaMessage, n: number, i: number) => n === 2 && i === 50 ? [] : [m],
    says: "FAILED: edge 2, player 1: 1 frame lost",
  },
  {
    name: "a duplicated frame",
    spoil: (m: MediaMessage, n: number, i: number) => n === 5 && i === 50 ? [m, m] : [m],
    says: "FAILED: origin, player 1: 1 frame duplicated",
  },
  {
    name: "a stream that ends early",
    spoil: (m: MediaMessage, n: number, i: number) => n === 1 && i >= 110 ? [] : [m],
    // 112 frames and 3 headers are sent.
    says: "FAILED: edge, player 2: 5 frames missing at the end",
  },
  {
    name: "a changed frame",
    spoil: (m: MediaMessage, n: number, i: number) =>
      n === 0 && i === 50 ? [{ ...m, payload: m.payload.slice(0, -1) }] : [m],
    says: "FAILED: edge, player 1: 1 frame not as published",
  },
  {
    name: "a player without frames",
    spoil: (m: MediaMessage, n: number) => n === 3 ? [] : [m],
    says: "FAILED: edge 2, player 2: no frame arrived",
  },
] as const;

for (const { name, spoil, says } of FAULTS) {
  Deno.test(`runDemo() fails on ${name} and reports where`, async () => {
    const network = new FakeNetwork();
    network.spoil = spoil;
    const { isComplete, written } = await run(network);
    assertEquals(isComplete, false);
    assertStringIncludes(written, says);
  });
}

Deno.test("runDemo() stops soon when a player receives nothing", async () => {
  const network = new FakeNetwork();
  let newestMs = 0;
  network.spoil = (message, n) => {
    newestMs = message.timestampMs;
    return n === 0 ? [] : [message];
  };
  assertEquals((await run(network, { seconds: 3600 })).isComplete, false);
  assert(newestMs < 6000, `published ${newestMs} ms`);
});

Deno.test("runDemo() succeeds when it is stopped early", async () => {
  const network = new FakeNetwork();
  const stop = new AbortController();
  let newestMs = 0;
  network.spoil = (message) => {
    newestMs = message.timestampMs;
    if (newestMs >= 1000) stop.abort();
    return [message];
  };
  assert((await run(network, { seconds: 3600, signal: stop.signal })).isComplete);
  assertEquals(newestMs, 1000);
});

Deno.test("runDemo() closes what it opened when a player is refused", async () => {
  const network = new FakeNetwork();
  network.refusedPort = 5003;
  await assertRejects(() => run(network, { seconds: 3600 }), Error, "Play refused");
  assertEquals(network.log.slice(4), [
    ...Array.from({ length: 3 }, () => "close player"),
    "close publisher",
    "stop 5003",
    "stop 5002",
    "stop 5001",
  ]);
});

Deno.test("runDemo() restarts origins and mids in turn, and says how often", async () => {
  const network = new FakeNetwork();
  const { isComplete, written } = await run(network, { seconds: 10, scene: "restart" });
  assert(isComplete, written);
  const restarts = network.log.filter((line) => line.startsWith("restart"));
  assertEquals(
    restarts.slice(0, 5),
    [5001, 5002, 5003, 5004, 5001].map((port) => `restart ${port}`),
  );
  assertStringIncludes(written, `OK: ${restarts.length} restarts: all 6 players got`);
  assertStringIncludes(written, "now mid 2");
  const verdict = written.trimEnd().split("\n").at(-1)!;
  assert(verdict.length <= 64, `wider than a recording: ${verdict}`);
});

Deno.test("runDemo() kills and freezes origins in turn, and says what that cost", async () => {
  const network = new FakeNetwork();
  const { isComplete, written } = await run(network, { seconds: 30, scene: "failover" });
  assert(isComplete, written);
  assertEquals(network.log.slice(0, 5), [
    "start 5001 of ",
    "start 5002 of ",
    "start 5003 of 127.0.0.1:5001,127.0.0.1:5002 push all",
    "start 5004 of 127.0.0.1:5001,127.0.0.1:5002",
    "start 5005 of 127.0.0.1:5001,127.0.0.1:5002 standby on",
  ]);
  const losses = network.log.filter((line) => /kill|freeze|heal/.test(line));
  assertEquals(losses.slice(0, 8), [
    ...["kill 5001", "heal 5001", "freeze 5002", "heal 5002"],
    ...["freeze 5001", "heal 5001", "kill 5002", "heal 5002"],
  ]);
  assertMatch(written, /^origin 2 frozen: \d+ ms silent, standby \d+ ms$/m);
  assertStringIncludes(written, "OK: 4 losses: all 6 players got");
});

Deno.test("runDemo() links to pages for the browser, and opens them when asked to", async () => {
  const opened: string[] = [];
  const { written } = await run(new FakeNetwork(), { seconds: 1, open: (url) => opened.push(url) });
  assertEquals(opened, [
    "http://127.0.0.1:8080/console/",
    "http://127.0.0.1:8080/play/live/demo",
  ]);
  for (const url of opened) assertStringIncludes(written, `  ${url}\n`);
});
