/** `edge migrate` as users run it, and its result at work. */

import { assertEquals, assertMatch, assertStringIncludes } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { AVC_HEADER, keyframe } from "../helpers/media.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";

const granted = await needs("net", "read", "write", "run", "env");

const FILES: Readonly<Record<string, string>> = {
  "srs.conf":
    "listen 1935; # main\ndaemon off;\nvhost __defaultVhost__ { play { mw_latency 0; } }\n",
  "nginx.conf":
    "rtmp {\n  server {\n    listen 1935;\n    application live { live on; record off; }\n  }\n}\n",
};

for (const [name, text] of Object.entries(FILES)) {
  Deno.test({
    ...granted,
    name: `edge migrate ${name} prints a file that relays, and reports what it left out`,
    fn: () =>
      inTempDirectory(async (directory) => {
        await Deno.writeTextFile(`${directory}/${name}`, text);
        const [program, ...args] = edgeCommand();
        const command = [program, ...args, "migrate", name] as const;
        await using migrating = startProcess({ name: "edge migrate", command, cwd: directory });
        assertEquals((await endOf(migrating)).code, 0);
        const report = migrating.stderr.join("\n");
        assertMatch(report, /: \d directives honoured, 0 different, 1 ignored$/);
        assertStringIncludes(report, ": ignored: ");

        await Deno.writeTextFile(`${directory}/edge.toml`, `${migrating.stdout.join("\n")}\n`);
        const serving = [program, ...args, "-c", "edge.toml", "--listen", "127.0.0.1:0"] as const;
        await using edge = startProcess({ name: "edge", command: serving, cwd: directory });
        const [, port] = await edge.waitForLine(/rtmp:\/\/127\.0\.0\.1:(\d+)/, CHILD_TIMEOUT_MS);
        await using publisher = await RtmpClient.publish(Number(port), "show");
        publisher.push({ typeId: 9, timestampMs: 0, payload: AVC_HEADER });
        publisher.push({ typeId: 9, timestampMs: 0, payload: keyframe(1) });
        await using player = await RtmpClient.play(Number(port), "show");
        await player.untilMedia(2);
      }),
  });
}
