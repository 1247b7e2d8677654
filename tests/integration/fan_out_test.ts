/** Many players, one upstream connection. */

import { readFlv } from "../../lib/media/flv_file.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { assertEquals } from "../helpers/assert.ts";
import { startEdgeOf, startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { until } from "../helpers/until.ts";

const PLAYERS = 200;
const { tags: TAGS } = readFlv(AV1_OPUS_FLV);

netTest(
  "200 players of an edge cost its origin one connection, and none after they have left",
  async () => {
    await using origin = startOrigin();
    await using edge = startEdgeOf(origin, "linger 200ms;");
    await using clients = new AsyncDisposableStack();
    const players = await Promise.all(
      Array.from({ length: PLAYERS }, () => startPlayer(edge.port)),
    );
    for (const { client } of players) clients.use(client);
    await edge.untilCounts({ players: PLAYERS });
    await origin.untilCounts({ connections: 1, players: 1 });

    await using publisher = await RtmpClient.publish(origin.port, "show");
    for (const tag of TAGS) publisher.push(tag);
    for (const { check } of players) {
      await until("all messages", () => check.count >= TAGS.length, { timeoutMs: 30_000 });
    }
    assertEquals(players.map(({ check }) => check.mismatch), players.map(() => null));
    assertEquals(players.map(({ check }) => check.count), players.map(() => TAGS.length));
    assertEquals(origin.counts, { connections: 2, players: 1, publishers: 1 });
    assertEquals(edge.upstreamCount, 1);

    await clients.disposeAsync();
    await edge.untilCounts({ connections: 0 });
    await origin.untilCounts({ connections: 1, players: 0, publishers: 1 });
    assertEquals(edge.upstreamCount, 0);
    assertEquals(origin.log.count("Play started"), 1);
    assertEquals(origin.log.urgent, []);
    assertEquals(edge.log.urgent, []);
  },
);

netTest("an edge keeps its upstream for a player that returns within linger", async () => {
  await using origin = startOrigin();
  await using edge = startEdgeOf(origin, "linger 10m;");
  await using publisher = await RtmpClient.publish(origin.port, "show");
  publisher.push(TAGS[0]!);
  for (let visit = 1; visit <= 3; visit++) {
    await using player = await RtmpClient.play(edge.port, "show");
    await player.untilMedia(1);
    await player.close();
    await edge.untilCounts({ connections: 0 });
    assertEquals(origin.counts.players, 1);
  }
  assertEquals(origin.log.count("Play started"), 1);
});

netTest("players of different streams have an upstream connection each", async () => {
  await using origin = startOrigin();
  await using edge = startEdgeOf(origin);
  await using clients = new AsyncDisposableStack();
  for (const name of ["a", "b", "a", "c", "b"]) {
    clients.use(await RtmpClient.play(edge.port, name));
  }
  await origin.untilCounts({ connections: 3, players: 3 });
  assertEquals(edge.upstreamCount, 3);
});

async function startPlayer(port: number): Promise<{ client: RtmpClient; check: StreamCheck }> {
  const client = await RtmpClient.connect(port);
  const check = new StreamCheck(TAGS);
  client.onMediaMessage = (message) => check.accept(message);
  await client.play("show");
  return { client, check };
}
