/** The audience of a whole tree, as its origins see it: complete servers in memory. */

import type { RunningServer } from "../../lib/app/relay_server.ts";
import type { Audience } from "../../lib/hub/viewer.ts";
import { assertEquals } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";

const STREAMS = ["a", "b", "c"];
const ORIGINS = [19_351, 19_352, 19_353];
const MIDS = [1_936, 1_937];
const LEAVES = [1_941, 1_942, 1_943, 1_944];

/** Reports pass one level of edges within this time, and a lost edge is noticed. */
const PASS_MS = 2_000;

class Tree extends MemoryWorld {
  readonly origins: RunningServer[] = [];
  readonly leaves: RunningServer[] = [];
  readonly mids: RunningServer[] = [];
  readonly #publishers: MemoryClient[] = [];
  #mediaMs = 0;

  /** Three origins with the same three streams, two edges of them, two edges of each of those. */
  static async start(): Promise<Tree> {
    const tree = new Tree();
    tree.origins.push(...ORIGINS.map((port) => tree.start(port)));
    tree.mids.push(...MIDS.map((port) => tree.#startEdge(port, ORIGINS)));
    const uplinks = [[MIDS[0]!], [MIDS[0]!, MIDS[1]!], [MIDS[1]!, MIDS[0]!], [MIDS[1]!]];
    tree.leaves.push(...LEAVES.map((port, index) => tree.#startEdge(port, uplinks[index]!)));
    for (const port of ORIGINS) {
      for (const name of STREAMS) tree.#publishers.push(await tree.publish(port, name));
    }
    for (const publisher of tree.#publishers) publisher.push(videoHeader(), keyframe(0));
    return tree;
  }

  #startEdge(port: number, origins: readonly number[]): RunningServer {
    const list = origins.map((each) => `127.0.0.1:${each}`).join(" ");
    const cluster = `cluster { mode remote; origin ${list}; origin_select hash; }`;
    return this.startWith(port, cluster, `server_name edge-${port};`);
  }

  /** Advances time while media flows. */
  async flow(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += 200) {
      this.#mediaMs += 200;
      const frame = this.#mediaMs % 1_000 === 0 ? keyframe : interFrame;
      for (const publisher of this.#publishers) publisher.push(frame(this.#mediaMs));
      await this.advance(200);
    }
  }

  /** Players of the servers by stream, without edges. */
  async players(servers: readonly RunningServer[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (const server of servers) {
      for (const { stream, type, edge } of (await server.view.snapshot()).clients) {
        const name = stream.slice(stream.indexOf("/") + 1);
        if (type === "rtmp-play" && edge === null) counts[name]!++;
      }
    }
    return counts;
  }

  /** Audience by stream, added up over these servers. */
  async audiences(servers: readonly RunningServer[]): Promise<Record<string, number>> {
    const counts: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (const server of servers) {
      for (const { name, audience } of (await server.view.snapshot()).streams) {
        counts[name.slice(name.indexOf("/") + 1)]! += audience.players;
      }
    }
    return counts;
  }
}

Deno.test("The audience at the origins is the sum at the leaves, through kills and moves", async () => {
  const tree = await Tree.start();
  const players: MemoryClient[] = [];
  for (let index = 0; index < 300; index++) {
    players.push(await tree.play(LEAVES[index % 4]!, STREAMS[index % 3]!));
  }
  await tree.flow(PASS_MS);
  assertEquals(await tree.players(tree.leaves), { a: 100, b: 100, c: 100 });
  assertEquals(await tree.audiences(tree.origins), { a: 100, b: 100, c: 100 });

  for (const player of players.splice(0, 60)) player.close();
  await tree.flow(PASS_MS);
  assertEquals(await tree.audiences(tree.origins), await tree.players(tree.leaves));

  const [dead] = tree.origins.splice(0, 1);
  await dead!.stop();
  await tree.flow(PASS_MS);
  assertEquals(await tree.players(tree.leaves), { a: 80, b: 80, c: 80 });
  assertEquals(await tree.audiences(tree.origins), { a: 80, b: 80, c: 80 });

  // Make-before-break: both origins serve the edge for a moment.
  const [origin] = tree.origins;
  await origin!.view.move({ vhost: "__defaultVhost__" }, null);
  await tree.flow(PASS_MS);
  assertEquals(await tree.audiences(tree.origins), { a: 80, b: 80, c: 80 });

  await tree.mids.shift()!.stop();
  await tree.flow(PASS_MS);
  assertEquals(await tree.audiences(tree.origins), await tree.audiences(tree.mids));
  await tree.stop();
});

Deno.test("An origin names the edges it serves, and what they report", async () => {
  const tree = await Tree.start();
  for (let index = 0; index < 5; index++) await tree.play(LEAVES[0]!, "a");
  await tree.flow(PASS_MS);
  const clients = [];
  for (const origin of tree.origins) clients.push(...(await origin.view.snapshot()).clients);
  const edges = clients.flatMap(({ edge }) => edge === null ? [] : [edge]);
  const told = (audience: Audience | null) => audience && [audience.players, audience.edges];
  assertEquals(edges.map(({ name, audience }) => [name, told(audience)]), [["edge-1936", [5, 1]]]);
  // The same id in the log of the edge and of its origin.
  const accepted = tree.log.lines.filter(({ message }) => message === "Origin accepted");
  const started = tree.log.lines.filter(({ message, fields }) =>
    message === "Play started" && fields?.["edge"] !== undefined
  );
  assertEquals(
    accepted.map(({ fields }) => fields?.["upstream_client"]).toSorted(),
    started.map(({ id }) => id).toSorted(),
  );
  await tree.stop();
});
