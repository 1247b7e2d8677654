/** 2,000 players and 100 publishers through 50 reloads, in memory. */

import { load } from "../config/helpers.ts";
import { assertEquals } from "../helpers/assert.ts";
import { MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import { keyframe } from "../helpers/tiny_media.ts";

const PUBLISHERS = 100;
const PLAYERS_EACH = 20;
const RELOADS = 50;
const PORT = 1935;

/** Settings that differ from reload to reload, in every block that a stream depends on. */
function configOf(round: number) {
  const on = (period: number) => round % period === period - 1 ? "on" : "off";
  return load(`listen ${PORT}; max_connections ${3_000 + round}; srs_log_level_v2 error;
    vhost __defaultVhost__ {
      play { mw_latency ${20 + round % 3}; queue_length ${10 + round}; gop_cache ${on(2)}; }
      publish { grace ${1 + round}s; takeover ${round % 2 === 0 ? "reject" : "replace"}; }
      security { enabled ${on(3)}; deny play 203.0.113.0/24; }
      refer { enabled ${on(5)}; all 127.0.0.1; }
      http_remux { enabled ${on(4)}; }
      in_ack_size ${1_000_000 + round};
    }
    ${round % 2 === 0 ? `vhost extra${round} { }` : ""}`).config;
}

Deno.test("2,000 players and 100 publishers stay and miss nothing through 50 reloads", async () => {
  const world = new MemoryWorld();
  const server = world.start(PORT);
  await server.apply(configOf(0));
  async function connect(kind: "play" | "publish", name: string): Promise<MemoryClient> {
    await world.network.connect(
      { hostname: "127.0.0.1", port: PORT },
      new AbortController().signal,
    );
    return new MemoryClient(world.network.connections.at(-1)!.client, kind, name);
  }
  const publishers: MemoryClient[] = [];
  const players: MemoryClient[] = [];
  for (let index = 0; index < PUBLISHERS; index++) {
    publishers.push(await connect("publish", `show${index}`));
    for (let count = 0; count < PLAYERS_EACH; count++) {
      players.push(await connect("play", `show${index}`));
    }
    await world.clock.settle();
  }
  await world.advance(100);
  assertEquals([server.counts.publishers, server.counts.players], [100, 2_000]);
  for (let round = 1; round <= RELOADS; round++) {
    const { applied, needsRestart, failures } = await server.apply(configOf(round));
    assertEquals([applied.length > 5, needsRestart, failures], [true, [], []]);
    for (const publisher of publishers) publisher.push(keyframe(round * 40));
    await world.clock.advance(40);
  }
  await world.advance(100);
  for (const client of [...publishers, ...players]) {
    assertEquals([client.isEnded, client.statuses.filter((code) => /Fail|Denied/.test(code))], [
      false,
      [],
    ]);
  }
  assertEquals(new Set(players.map(({ media }) => media.length)), new Set([RELOADS]));
  await world.stop();
});
