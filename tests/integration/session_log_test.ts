/** The file of session records, written by a server on real sockets. */

import { inTempDirectory } from "../helpers/child.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { keyframe } from "../helpers/tiny_media.ts";
import { needs } from "../helpers/permissions.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";

Deno.test({
  name: "each play and publish that is over leaves a line in session_log",
  ...await needs("net", "read", "write"),
  fn: () =>
    inTempDirectory(async (folder) => {
      const file = `${folder}/sessions.json`;
      {
        await using server = startLocalServer(
          `server_name here; session_log ${file}; vhost __defaultVhost__ { }`,
        );
        await using publisher = await RtmpClient.publish(server.port, "show");
        publisher.push(keyframe(0));
        await using player = await RtmpClient.play(server.port, "show");
        await player.untilMedia(1);
      }
      const lines = Deno.readTextFileSync(file).trim().split("\n").map((line) => JSON.parse(line));
      const [player, publisher] = lines.toSorted((one) => one.type === "rtmp-play" ? -1 : 1);
      assertEquals(lines.length, 2);
      assertEquals([player.type, player.stream, player.server, player.edge], [
        "rtmp-play",
        "live/show",
        "here",
        null,
      ]);
      assertEquals(publisher.type, "fmle-publish");
      assert(player.sent_bytes > 100 && publisher.received_bytes > 3_000, JSON.stringify(lines));
      assert(player.seconds >= 0 && player.cause !== "", JSON.stringify(player));
      assert(player.started <= player.ended && /Z$/.test(player.ended), JSON.stringify(player));
    }),
});
