/** The HTTP side of the program: its output at startup, and when an address is in use. */

import { edgeCommand } from "../helpers/edge_server.ts";
import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";

const granted = await needs("net", "read", "write", "run", "env");

function start(directory: string) {
  const command = [...edgeCommand(), "-c", "edge.conf", "--listen", "127.0.0.1:0"] as const;
  return startProcess({ name: "edge", command, cwd: directory });
}

Deno.test({
  ...granted,
  name: "edge prints its HTTP addresses, serves files and answers the API",
  fn: () =>
    inTempDirectory(async (directory) => {
      const [apiPort, filePort] = [freePort(), freePort()];
      await Deno.mkdir(`${directory}/www`);
      await Deno.writeTextFile(`${directory}/www/a.m3u8`, "#EXTM3U\n");
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 1935; http_api { enabled on; listen ${apiPort}; }
         http_server { enabled on; listen 127.0.0.1:${filePort}; dir ./www; }
         vhost __defaultVhost__ { }`,
      );
      await using edge = start(directory);
      await edge.waitForLine(
        new RegExp(`Listening on http://127\\.0\\.0\\.1:${filePort}`),
        CHILD_TIMEOUT_MS,
      );
      const { pid } = await (await fetch(`http://127.0.0.1:${apiPort}/api/v1/versions`)).json();
      assertMatch(pid, /^\d+$/);
      const metrics = await (await fetch(`http://127.0.0.1:${apiPort}/metrics`)).text();
      assertMatch(metrics, /^edge_streams\{vhost="__defaultVhost__"\} 0$/m);
      const file = await fetch(`http://127.0.0.1:${filePort}/a.m3u8`);
      assertEquals(await file.text(), "#EXTM3U\n");
      Deno.kill(edge.pid, "SIGTERM");
      assertEquals((await endOf(edge)).code, 0);
    }),
});

Deno.test({
  ...granted,
  name: "edge names the HTTP address in use and a fix, and exits with 1",
  fn: () =>
    inTempDirectory(async (directory) => {
      using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = other.addr;
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 1935; http_api { enabled on; listen ${port}; } vhost __defaultVhost__ { }`,
      );
      await using edge = start(directory);
      assertEquals((await endOf(edge)).code, 1);
      assertEquals(edge.stderr.slice(-2), [
        `edge: Cannot listen on http://127.0.0.1:${port}: Address already in use (os error 98) ` +
        "(http_api or http_server)",
        "fix: stop the program that uses the port, or write another port after listen in that block",
      ]);
    }),
});
