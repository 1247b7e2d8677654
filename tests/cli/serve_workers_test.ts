/** The program with several threads. Each finds its module, in the executable too. */

import { assertEquals } from "../helpers/assert.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { AVC_HEADER, keyframe } from "../helpers/media.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** Enough that all of them in one of two threads is very unlikely. */
const PLAYERS = 12;

Deno.test({
  ...granted,
  name: "edge with workers serves players from each of them, and stops at SIGTERM",
  fn: () =>
    inTempDirectory(async (directory) => {
      const [apiPort, httpPort] = [freePort(), freePort()];
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 1935; workers 2; http_api { enabled on; listen ${apiPort}; }
         http_server { enabled on; listen ${httpPort}; players on; }
         vhost __defaultVhost__ { play { mw_latency 0; } http_remux { enabled on; } }`,
      );
      const command = [...edgeCommand(), "-c", "edge.conf", "--listen", "127.0.0.1:0"] as const;
      await using edge = startProcess({ name: "edge", command, cwd: directory });
      const [, port] = await edge.waitForLine(/rtmp:\/\/127\.0\.0\.1:(\d+)/, CHILD_TIMEOUT_MS);
      await using publisher = await RtmpClient.publish(Number(port), "show");
      publisher.push({ typeId: 9, timestampMs: 0, payload: AVC_HEADER });
      publisher.push({ typeId: 9, timestampMs: 0, payload: keyframe(1) });
      await using players = new AsyncDisposableStack();
      for (let count = 0; count < PLAYERS; count++) {
        const player = players.use(await RtmpClient.play(Number(port), "show"));
        await player.untilMedia(2);
      }
      const url = `http://127.0.0.1:${apiPort}/api/v1/clients?count=100`;
      const { clients } = await (await fetch(url)).json();
      const threads = new Set(clients.map(({ id }: { id: string }) => id.slice(0, 2)));
      assertEquals([clients.length, [...threads].sort()], [PLAYERS + 1, ["w0", "w1"]]);
      // Only one of the threads has the stream; connections end in either.
      for (let count = 0; count < PLAYERS; count++) {
        const list = async () => {
          const headers = { connection: "close" };
          const list = `http://127.0.0.1:${httpPort}/players/streams.json`;
          return (await (await fetch(list, { headers })).json()).streams;
        };
        const isListed = async () => (await list()).length === 1;
        await until("the stream in the list", isListed, { timeoutMs: CHILD_TIMEOUT_MS });
      }
      Deno.kill(edge.pid, "SIGTERM");
      assertEquals((await endOf(edge)).code, 0);
    }),
});
