/** Draining, as a real process: signals, progress, and what ends it. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort, isAccepting } from "../helpers/ports.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const granted = await needs("net", "read", "write", "run", "env");
const WAITS = "grace_start_wait 300; grace_final_wait 100;";
/** Long enough that a slow machine connects a client meanwhile. */
const LONG_WAIT = "grace_start_wait 4000; grace_final_wait 100;";

interface Edge extends AsyncDisposable {
  readonly process: ChildProcess;
  readonly port: number;
  readonly apiPort: number;
}

/** Starts the program in `directory`, with an API. */
async function start(directory: string, server: string): Promise<Edge> {
  const apiPort = freePort();
  const text = `listen 1935; pid edge.pid; ${server}
    http_api { enabled on; listen 127.0.0.1:${apiPort}; }
    vhost __defaultVhost__ { }\n`;
  await Deno.writeTextFile(`${directory}/edge.conf`, text);
  const command = [...edgeCommand(), "-c", "edge.conf", "--listen", "127.0.0.1:0"] as const;
  const process = startProcess({ name: "edge", command, cwd: directory });
  const [, port] = await process.waitForLine(/rtmp:\/\/127\.0\.0\.1:(\d+)/, CHILD_TIMEOUT_MS);
  return {
    process,
    port: Number(port),
    apiPort,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function get({ apiPort }: Edge, path: string): Promise<Response> {
  return await fetch(`http://127.0.0.1:${apiPort}${path}`);
}

for (const workers of [1, 2]) {
  Deno.test({
    ...granted,
    name: `edge drains at SIGQUIT: clients stay until they leave, with ${workers} worker(s)`,
    fn: () =>
      inTempDirectory(async (directory) => {
        await using edge = await start(directory, `workers ${workers}; ${LONG_WAIT}`);
        await using publisher = await RtmpClient.publish(edge.port, "show");
        await using player = await RtmpClient.play(edge.port, "show");
        publisher.push(numberedFrame(1));
        await player.untilMedia(1);
        Deno.kill(edge.process.pid, "SIGQUIT");
        await edge.process.waitForLine(/Draining: waiting for clients to leave/, CHILD_TIMEOUT_MS);
        const ready = await get(edge, "/readyz");
        assertEquals([ready.status, await ready.text()], [503, "stopping\n"]);
        // New clients are served until the listener closes.
        await using late = await RtmpClient.play(edge.port, "show");
        await until("the listener is closed", async () => !await isAccepting(edge.port), {
          timeoutMs: CHILD_TIMEOUT_MS,
        });
        publisher.push(numberedFrame(2));
        await player.untilMedia(2);
        await late.untilMedia(1);
        const { data } = await (await get(edge, "/api/v1/summaries")).json();
        assertEquals([data.drain.cause, data.drain.players, data.drain.publishers], [
          ...["SIGQUIT", 2, 1],
        ]);
        await edge.process.waitForLine(/Draining: waiting connections=3/, CHILD_TIMEOUT_MS);
        for (const client of [player, late, publisher]) await client.close();
        assertEquals((await endOf(edge.process)).code, 0, edge.process.describe());
        const lines = edge.process.stderr.join("\n");
        assert(/Drained: empty .*Stopped$/s.test(lines), lines);
        assert(!/ (WARN|ERROR) /.test(lines), lines);
      }),
  });
}

Deno.test({
  ...granted,
  name: "edge drains at SIGTERM with force_grace_quit on, and closes clients at drain_timeout",
  fn: () =>
    inTempDirectory(async (directory) => {
      await using edge = await start(directory, `force_grace_quit on; drain_timeout 1s; ${WAITS}`);
      await using client = await RtmpClient.publish(edge.port, "show");
      Deno.kill(edge.process.pid, "SIGTERM");
      await edge.process.waitForLine(
        /closing the clients that are left .*left=1/,
        CHILD_TIMEOUT_MS,
      );
      assertEquals((await endOf(edge.process)).code, 0, edge.process.describe());
      await client.untilEnded();
    }),
});

Deno.test({
  ...granted,
  name: "edge drains at POST /api/v1/drain, with its own timeout",
  fn: () =>
    inTempDirectory(async (directory) => {
      await using edge = await start(directory, WAITS);
      await using client = await RtmpClient.publish(edge.port, "show");
      const url = `http://127.0.0.1:${edge.apiPort}/api/v1/drain?timeout=600ms`;
      const response = await fetch(url, { method: "POST" });
      assertEquals((await response.json()).code, 0);
      assertEquals((await endOf(edge.process)).code, 0, edge.process.describe());
      await client.untilEnded();
      const lines = edge.process.stderr.join("\n");
      assert(/cause="POST \/api\/v1\/drain from 127\.0\.0\.1"/.test(lines), lines);
    }),
});
