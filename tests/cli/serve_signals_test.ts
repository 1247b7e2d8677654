/** What the program does at signals, as a real process. */

import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { RawPeer } from "../helpers/raw_peer.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** Starts the program in `directory` with a pid file and a log file. */
async function start(directory: string, server = ""): Promise<ChildProcess> {
  const text = `listen 1935; pid edge.pid; srs_log_file edge.log; ${server}
    vhost __defaultVhost__ { }\n`;
  await Deno.writeTextFile(`${directory}/edge.conf`, text);
  const command = [...edgeCommand(), "-c", "edge.conf", "--listen", "127.0.0.1:0"] as const;
  return startProcess({ name: "edge", command, cwd: directory });
}

async function portOf(server: ChildProcess): Promise<number> {
  const [, port] = await server.waitForLine(/rtmp:\/\/127\.0\.0\.1:(\d+)/, CHILD_TIMEOUT_MS);
  return Number(port);
}

/** Makes the server log a line about a client. */
async function scan(port: number): Promise<void> {
  await using peer = await RawPeer.connect(port);
  await peer.write(new Uint8Array([0xFF]));
  await peer.untilEnded();
}

const CLIENT_LINE = /Client closed|Not RTMP|scanner/i;

for (const workers of [1, 2]) {
  Deno.test({
    ...granted,
    name: `edge continues in a new log file at SIGUSR1, with ${workers} worker(s); clients stay`,
    fn: () =>
      inTempDirectory(async (directory) => {
        const [log, rotated] = [`${directory}/edge.log`, `${directory}/edge.log.1`];
        await using server = await start(directory, `workers ${workers};`);
        const port = await portOf(server);
        await using publisher = await RtmpClient.publish(port, "show");
        await Deno.rename(log, rotated);
        Deno.kill(server.pid, "SIGUSR1");
        await server.waitForLine(/Log file opened again/, CHILD_TIMEOUT_MS);
        Deno.kill(server.pid, "SIGUSR2");
        await server.waitForLine(/SIGUSR2 ignored/, CHILD_TIMEOUT_MS);
        const before = await Deno.readTextFile(rotated);
        for (let count = 0; count < 8; count++) await scan(port);
        const lines = await until("lines in the new file", async () => {
          const text = await Deno.readTextFile(log);
          return CLIENT_LINE.test(text) && text;
        }, { timeoutMs: 5_000 });
        assertMatch(lines.split("\n")[0]!, /Log file opened again .*cause=SIGUSR1$/);
        assertEquals(await Deno.readTextFile(rotated), before);
        publisher.push(numberedFrame(1));
        await using player = await RtmpClient.play(port, "show");
        await player.untilMedia(1);
        // The runtime would open its debugger from half a second after the start on.
        Deno.kill(server.pid, "SIGUSR1");
        await until("the log is opened again", () => {
          return server.stderr.filter((line) => /Log file opened again/.test(line)).length > 1;
        }, { timeoutMs: CHILD_TIMEOUT_MS });
        assert(!/Debugger listening/.test(server.stderr.join("\n")), server.describe());
      }),
  });
}

Deno.test({
  ...granted,
  name: "edge stops cleanly at SIGTERM, and exits at once at a second signal",
  fn: () =>
    inTempDirectory(async (directory) => {
      for (const signals of [["SIGTERM"], ["SIGQUIT", "SIGTERM"]] as const) {
        await using server = await start(directory);
        await using _client = await RtmpClient.connect(await portOf(server));
        for (const signal of signals) Deno.kill(server.pid, signal);
        const { code } = await endOf(server);
        // Both may arrive before the first one has an effect.
        assert(code === 0 || signals.length > 1, server.describe());
        assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name).sort(), [
          "edge.conf",
          "edge.log",
        ]);
      }
    }),
});

Deno.test({
  ...granted,
  name: "edge obeys signals that arrive while it starts",
  fn: () =>
    inTempDirectory(async (directory) => {
      await using server = await start(directory, "workers 2;");
      const pidFile = `${directory}/edge.pid`;
      await until("the pid file", () => Deno.readTextFile(pidFile).catch(() => undefined), {
        timeoutMs: CHILD_TIMEOUT_MS,
        everyMs: 1,
      });
      for (const signal of ["SIGUSR2", "SIGUSR1", "SIGTERM"] as const) {
        Deno.kill(server.pid, signal);
      }
      assertEquals((await endOf(server)).code, 0, server.describe());
      for (const line of [/SIGUSR2 ignored/, /opened again/, / started /, /Stopped$/]) {
        assert(server.stderr.some((each) => line.test(each)), `${line}: ${server.describe()}`);
      }
    }),
});
