/** The program with few file descriptors, filled with clients. */

import { edgeCommand } from "../helpers/edge_server.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, inTempDirectory } from "../helpers/child.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { RawPeer } from "../helpers/raw_peer.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { keyframe } from "../helpers/tiny_media.ts";

Deno.test({
  ...(await needs("net", "read", "write", "run", "env")),
  name: "an edge that is full of clients answers the API and redials its origin",
  fn: () =>
    inTempDirectory(async (directory) => {
      const [originPort, edgePort, apiPort] = [freePort(), freePort(), freePort()];
      const [program, ...args] = edgeCommand();
      const startOrigin = async () => {
        const listen = ["--listen", `127.0.0.1:${originPort}`];
        const origin = startProcess({ name: "origin", command: [program, ...args, ...listen] });
        await origin.waitForLine(/Listening on rtmp/, CHILD_TIMEOUT_MS);
        return origin;
      };
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 127.0.0.1:${edgePort}; http_api { enabled on; listen 127.0.0.1:${apiPort}; }
         vhost __defaultVhost__ { cluster { mode remote; origin 127.0.0.1:${originPort}; } }`,
      );
      const limited = ["sh", "-c", 'ulimit -n 80; exec "$@"', "sh"] as const;
      await using stack = new AsyncDisposableStack();
      const first = stack.use(await startOrigin());
      const edge = stack.use(startProcess({
        name: "edge",
        command: [...limited, program, ...args, "-c", "edge.conf"],
        cwd: directory,
      }));
      await edge.waitForLine(
        /WARN .*max_connections 1000 is too high: there are \d+ file descriptors limit=\d+ fix=/,
        CHILD_TIMEOUT_MS,
      );
      await edge.waitForLine(/Listening on rtmp/, CHILD_TIMEOUT_MS);

      const publisher = stack.use(await RtmpClient.publish(originPort, "show"));
      const player = stack.use(await RtmpClient.play(edgePort, "show"));
      publisher.push(keyframe(0));
      await player.untilMedia(1);
      const idle: RawPeer[] = [];
      for (let i = 0; i < 80; i++) idle.push(stack.use(await RawPeer.connect(edgePort)));
      await edge.waitForLine(/Client refused: connection limit reached/, CHILD_TIMEOUT_MS);

      assertEquals((await fetch(`http://127.0.0.1:${apiPort}/healthz`)).status, 200);
      const { clients } = await (await fetch(`http://127.0.0.1:${apiPort}/api/v1/clients`)).json();
      assertEquals(clients.length, 1);

      await first.stop();
      stack.use(await startOrigin());
      const again = stack.use(await RtmpClient.publish(originPort, "show"));
      again.push(keyframe(1000));
      again.push(keyframe(2000));
      await player.untilMedia(3);
      assert(!player.isEnded);
      assert(!edge.stderr.some((line) => line.includes("Too many open files")));
    }),
});
