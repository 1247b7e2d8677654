/**
 * The audience of a tree of real processes: three origins with the same streams, two middle edges,
 * two leaves, 300 players. What the origins say must be what the leaves have, through kills and
 * moves.
 */

import { assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { addressOf, type RtmpServer } from "../helpers/servers.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { delay, until } from "../helpers/until.ts";
import { FailoverRig, kill } from "./failover_rig.ts";

const STREAMS = ["a", "b", "c"] as const;
const PLAYERS = 300;
/** Players that connect at the same time. */
const BATCH = 30;
const FRAME_MS = 250;
/** Reports pass two levels within two seconds, usually one; the rest is for a busy machine. */
const TIMEOUT_MS = 10_000;

const granted = await needs("net", "read", "write", "run", "env");

type Counts = Record<string, number>;

/** A server with an API. */
interface Node {
  readonly server: RtmpServer;
  readonly apiPort: number;
}

/** Streams as the API lists them. */
interface ListedStream {
  readonly id: string;
  readonly name: string;
  readonly clients: number;
  readonly audience: { readonly players: number };
}

class Tree implements AsyncDisposable {
  readonly origins: Node[] = [];
  readonly mids: Node[] = [];
  readonly leaves: Node[] = [];
  readonly players: { readonly leaf: Node; readonly name: string; readonly client: RtmpClient }[] =
    [];
  readonly #rig: FailoverRig;
  readonly #publishers: RtmpClient[] = [];
  #timeMs = 0;
  #isOver = false;
  #flow = Promise.resolve();

  private constructor(rig: FailoverRig) {
    this.#rig = rig;
  }

  static async start(): Promise<Tree> {
    const tree = new Tree(await FailoverRig.create());
    try {
      await tree.#start();
      return tree;
    } catch (error) {
      await tree[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { origins, mids, leaves } = this;
    const below = (nodes: readonly Node[]) =>
      `mode remote; origin ${nodes.map(({ server }) => addressOf(server)).join(" ")};`;
    for (
      const [list, names, above] of [
        [origins, ["o1", "o2", "o3"], null],
        [mids, ["m1", "m2"], origins],
        [leaves, ["l1", "l2"], mids],
      ] as const
    ) {
      const start = (name: string) => this.#startNode(name, above === null ? "" : below(above));
      list.push(...await Promise.all(names.map(start)));
    }
    for (const { server } of origins) {
      for (const name of STREAMS) {
        this.#publishers.push(await RtmpClient.publish(server.port, name));
      }
    }
    this.#flow = this.#send();
  }

  async #startNode(name: string, cluster: string): Promise<Node> {
    const apiPort = freePort();
    const server = await this.#rig.server(
      name,
      `server_name ${name}; http_api { enabled on; listen 127.0.0.1:${apiPort}; }
       vhost __defaultVhost__ { ${cluster} }`,
    );
    return { server, apiPort };
  }

  /** Sends the same frames to all origins, in real time. */
  async #send(): Promise<void> {
    const startMs = performance.now();
    for (; !this.#isOver; this.#timeMs += FRAME_MS) {
      const frame = this.#timeMs % 1000 === 0 ? keyframe : interFrame;
      for (const publisher of this.#publishers) {
        if (this.#timeMs === 0) publisher.push(videoHeader());
        if (!publisher.isEnded) publisher.push(frame(this.#timeMs, this.#timeMs / FRAME_MS % 251));
      }
      await delay(Math.max(0, startMs + this.#timeMs + FRAME_MS - performance.now()));
    }
  }

  async connect(count: number): Promise<void> {
    for (let done = 0; done < count; done += BATCH) {
      const batch = Array.from({ length: Math.min(BATCH, count - done) }, async (_, at) => {
        const leaf = this.leaves[(done + at) % 2]!;
        const name = STREAMS[(done + at) % 3]!;
        const client = await RtmpClient.play(leaf.server.port, name);
        client.onMediaMessage = () => {};
        return { leaf, name, client };
      });
      this.players.push(...await Promise.all(batch));
    }
  }

  /** Closes players. */
  async leave(count: number): Promise<void> {
    await Promise.all(this.players.splice(0, count).map(({ client }) => client.close()));
  }

  /** Players of each stream that are connected. */
  get connected(): Counts {
    const open = this.players.filter(({ client }) => !client.isEnded);
    return countsOf((name) => open.filter((player) => player.name === name).length);
  }

  /** Adds up what the servers say of each stream. */
  async sum(nodes: readonly Node[], valueOf: (stream: ListedStream) => number): Promise<Counts> {
    const streams = (await Promise.all(nodes.map((node) => this.streams(node)))).flat();
    return countsOf((wanted) =>
      streams.filter(({ name }) => name === wanted)
        .reduce((total, stream) => total + valueOf(stream), 0)
    );
  }

  async streams({ apiPort }: Node): Promise<ListedStream[]> {
    const url = `http://127.0.0.1:${apiPort}/api/v1/streams?count=100`;
    return (await (await fetch(url)).json()).streams;
  }

  /** Waits until origins, leaves and the test agree, and more. Prints how long that took. */
  async untilTrue(what: string, hasHappened = () => Promise.resolve(true)): Promise<void> {
    const startMs = performance.now();
    let last: unknown;
    const agrees = async () => {
      const told = await this.sum(this.origins, ({ audience }) => audience.players);
      const real = await this.sum(this.leaves, ({ clients }) => clients);
      last = { told, real, connected: this.connected };
      return await hasHappened() &&
        [real, this.connected].every((each) => JSON.stringify(each) === JSON.stringify(told));
    };
    await until(what, agrees, { timeoutMs: TIMEOUT_MS, everyMs: 100 }).catch(() => {
      throw new Error(`${what}: ${JSON.stringify(last)}\n${this.#rig.describe()}`);
    });
    say(`  ${what}: right after ${Math.round(performance.now() - startMs)} ms`);
  }

  /** Asks the edges of an origin to take its streams from another one. */
  async move(origin: Node): Promise<void> {
    for (const { id } of await this.streams(origin)) {
      const url = `http://127.0.0.1:${origin.apiPort}/api/v1/streams/${id}/move`;
      await (await fetch(url, { method: "POST" })).body?.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#flow;
    await Promise.all([...this.players.map(({ client }) => client), ...this.#publishers]
      .map((client) => client.close()));
    await this.#rig[Symbol.asyncDispose]();
  }
}

function countsOf(count: (name: string) => number): Counts {
  return Object.fromEntries(STREAMS.map((name) => [name, count(name)]));
}

Deno.test({
  ...granted,
  name: "Origins know the audience of two levels of edges, through kills and moves",
  async fn() {
    await using tree = await Tree.start();
    await tree.connect(PLAYERS);
    await tree.untilTrue("300 players");
    assertEquals(tree.connected, { a: 100, b: 100, c: 100 });
    await tree.leave(60);
    await tree.untilTrue("60 players left");
    const busiest = await mostPlayed(tree);
    await tree.move(busiest);
    const isLeft = async () => await playersOf(tree, busiest) === 0;
    await tree.untilTrue("an origin asked its edges to move", isLeft);
    await kill(tree.mids.shift()!.server);
    await tree.untilTrue("a middle edge was killed");
    const origin = await mostPlayed(tree);
    tree.origins.splice(tree.origins.indexOf(origin), 1);
    await kill(origin.server);
    await tree.untilTrue("an origin was killed");
    assertEquals(tree.connected, { a: 80, b: 80, c: 80 });
    const [leaf] = tree.leaves.splice(0, 1);
    await kill(leaf!.server);
    await tree.untilTrue("a leaf was killed");
    assertEquals(tree.connected, { a: 40, b: 40, c: 40 });
  },
});

async function playersOf(tree: Tree, origin: Node): Promise<number> {
  const { a = 0, b = 0, c = 0 } = await tree.sum([origin], ({ audience }) => audience.players);
  return a + b + c;
}

/** Returns the origin that says most players. */
async function mostPlayed(tree: Tree): Promise<Node> {
  const counts = await Promise.all(
    tree.origins.map(async (origin) => ({ origin, players: await playersOf(tree, origin) })),
  );
  return counts.toSorted((one, other) => other.players - one.players)[0]!.origin;
}
