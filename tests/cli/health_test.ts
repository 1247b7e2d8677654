/** `edge health`, by which an engine of containers asks whether its server works. */

import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";

const granted = await needs("net", "read", "write", "run", "env");

Deno.test({
  ...granted,
  name: "edge health succeeds while the server runs, and fails with a reason afterwards",
  fn: () =>
    inTempDirectory(async (directory) => {
      const apiPort = freePort();
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 1935; http_api { enabled on; listen 127.0.0.1:${apiPort}; }
         vhost __defaultVhost__ { }`,
      );
      const [program, ...args] = edgeCommand();
      const url = `http://127.0.0.1:${apiPort}/healthz`;
      const ask = async () => {
        const command = [program, ...args, "health", url] as const;
        await using asking = startProcess({ name: "edge health", command, cwd: directory });
        const { code } = await endOf(asking);
        return { code, text: asking.stderr.join("\n") };
      };
      const command = [program, ...args, "-c", "edge.conf", "--listen", "127.0.0.1:0"] as const;
      await using edge = startProcess({ name: "edge", command, cwd: directory });
      await edge.waitForLine(/rtmp:\/\/127\.0\.0\.1:(\d+)/, CHILD_TIMEOUT_MS);
      assertEquals(await ask(), { code: 0, text: "" });
      await edge.stop();
      const { code, text } = await ask();
      assertEquals(code, 1);
      assertMatch(text, /^edge: not healthy: http:.*:\d+\/healthz: .*refused/i);
    }),
});
