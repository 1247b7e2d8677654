/** `edge --replace`: a server takes the place of a running one on the same addresses. */

import { assert, assertEquals, assertMatch, assertRejects } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { numberedFrame, numberOf } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { delay, until } from "../helpers/until.ts";

const granted = await needs("net", "read", "write", "run", "env");
const linux = { ...granted, ignore: granted.ignore || Deno.build.os !== "linux" };

/** A configuration, and processes that are started with it. */
class Site {
  readonly port = freePort();
  readonly apiPort = freePort();
  readonly #directory: string;

  constructor(directory: string, server: string) {
    this.#directory = directory;
    const text = `listen 127.0.0.1:${this.port}; pid edge.pid; grace_final_wait 0; ${server}
      http_api { enabled on; listen 127.0.0.1:${this.apiPort}; }
      vhost __defaultVhost__ { }\n`;
    Deno.writeTextFileSync(`${directory}/edge.conf`, text);
  }

  start(...options: readonly string[]): ChildProcess {
    const command = [...edgeCommand(), "-c", "edge.conf", ...options] as const;
    return startProcess({ name: `edge ${options}`, command, cwd: this.#directory });
  }

  get pid(): string {
    return Deno.readTextFileSync(`${this.#directory}/edge.pid`).trim();
  }

  /** Id of the process that answers the API. */
  async apiPid(): Promise<string> {
    return (await this.call("GET", "versions")).pid;
  }

  // deno-lint-ignore no-explicit-any -- tests read what they expect
  async call(method: string, path: string): Promise<any> {
    // Another connection each time: the process that listens now is to answer.
    const headers = { connection: "close" };
    const url = `http://127.0.0.1:${this.apiPort}/api/v1/${path}`;
    const response = await fetch(url, { method, headers });
    return await response.json();
  }

  /** How many addresses are banned in the process that answers the API. */
  async banCount(): Promise<number> {
    return (await this.call("GET", "bans")).total;
  }
}

for (const workers of [1, 2]) {
  Deno.test({
    ...linux,
    name: `edge --replace takes over; clients of the old one stay, with ${workers} worker(s)`,
    fn: () =>
      inTempDirectory(async (directory) => {
        const site = new Site(directory, `workers ${workers};`);
        await using old = site.start();
        await old.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
        await using publisher = await RtmpClient.publish(site.port, "show");
        await using player = await RtmpClient.play(site.port, "show");
        await using banned = await RtmpClient.publish(site.port, "banned");
        await site.call("DELETE", "clients?stream=/live/banned&ban=600");
        await until("it is closed", () => banned.isEnded, { timeoutMs: CHILD_TIMEOUT_MS });
        await site.call("POST", "bans?ip=203.0.113.9&seconds=600");
        const { id } = (await site.call("GET", "vhosts")).vhosts[0];
        const forwards = `vhosts/${id}/forwards`;
        await site.call("POST", `${forwards}?destination=unused=rtmp://192.0.2.1/app/key`);
        await using next = site.start("--replace");
        await old.waitForLine(
          /Draining: waiting for clients .*replaced by process/,
          CHILD_TIMEOUT_MS,
        );
        await old.waitForLine(/Draining: waiting connections=2/, CHILD_TIMEOUT_MS);
        assertEquals([site.pid, await site.apiPid()], [String(next.pid), String(next.pid)]);
        const isTold = async () =>
          await site.banCount() === 2 && (await site.call("GET", forwards)).forwards.length === 1;
        await until("the new one has what the API was told", isTold, {
          timeoutMs: CHILD_TIMEOUT_MS,
        });
        const [forward] = (await site.call("GET", forwards)).forwards;
        assertEquals([forward.id, forward.origin], ["f1", "192.0.2.1:1935"]);
        assertEquals((await site.call("DELETE", "bans/127.0.0.1")).code, 0);
        // The new one takes the stream from the old one until it has a publisher of that name.
        await using viewer = await RtmpClient.play(site.port, "show");
        const timer = setInterval(() => publisher.push(numberedFrame(1)), 50);
        await player.untilMedia(1);
        await viewer.untilMedia(1);
        clearInterval(timer);
        await using other = await RtmpClient.publish(site.port, "show");
        const again = setInterval(() => other.push(numberedFrame(2)), 50);
        await untilNewest(viewer, 2);
        assertEquals(viewer.isEnded, false);
        // A publisher that is lost can only return to the new one: the old one's players get it.
        await publisher.close();
        await untilNewest(player, 2);
        assertEquals(player.isEnded, false);
        clearInterval(again);
        await player.close();
        assertEquals((await endOf(old)).code, 0, old.describe());
        assertEquals(site.pid, String(next.pid));
        Deno.kill(next.pid, "SIGTERM");
        assertEquals((await endOf(next)).code, 0, next.describe());
        assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["edge.conf"]);
        for (const { stderr } of [old, next]) {
          assert(!/ (WARN|ERROR) /.test(stderr.join("\n")), stderr.join("\n"));
        }
      }),
  });
}

Deno.test({
  ...linux,
  name: "edge --replace takes the streams of a server that drains already",
  fn: () =>
    inTempDirectory(async (directory) => {
      const site = new Site(directory, "grace_start_wait 0;");
      await using old = site.start();
      await old.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
      await using publisher = await RtmpClient.publish(site.port, "show");
      Deno.kill(old.pid, "SIGQUIT");
      await old.waitForLine(/Draining: waiting connections=1/, CHILD_TIMEOUT_MS);
      await using next = site.start("--replace");
      await next.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
      await using viewer = await RtmpClient.play(site.port, "show");
      const timer = setInterval(() => publisher.push(numberedFrame(1)), 50);
      await untilNewest(viewer, 1);
      clearInterval(timer);
      // The API of the old one is closed.
      assertEquals(await site.apiPid(), String(next.pid));
      await publisher.close();
      await viewer.close();
      assertEquals((await endOf(old)).code, 0, old.describe());
      Deno.kill(next.pid, "SIGTERM");
      assertEquals((await endOf(next)).code, 0, next.describe());
    }),
});

for (const workers of [1, 2]) {
  Deno.test({
    ...linux,
    name: `a server whose replacer is killed listens again, with ${workers} worker(s)`,
    fn: () =>
      inTempDirectory(async (directory) => {
        const site = new Site(directory, `workers ${workers};`);
        await using old = site.start();
        await old.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
        await using publisher = await RtmpClient.publish(site.port, "show");
        await using player = await RtmpClient.play(site.port, "show");
        for (const number of [1, 2]) {
          await using next = site.start("--replace");
          await waitForCount(old, /Draining: waiting connections=2/, number);
          Deno.kill(next.pid, "SIGKILL");
          await endOf(next);
          const pattern = /The process that replaced this one died; listening again/;
          await waitForCount(old, pattern, number);
          assertEquals([site.pid, await site.apiPid()], [String(old.pid), String(old.pid)]);
          await using viewer = await RtmpClient.play(site.port, "show");
          const timer = setInterval(() => publisher.push(numberedFrame(number)), 50);
          await untilNewest(viewer, number);
          await untilNewest(player, number);
          clearInterval(timer);
        }
        const names = () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort().join();
        const isAlone = () => names() === "edge.conf,edge.pid";
        await until("the notes are removed", isAlone, { timeoutMs: CHILD_TIMEOUT_MS });
        assertEquals(player.isEnded, false);
        // One that stops gracefully is not missed.
        await using last = site.start("--replace");
        await waitForCount(old, /Draining: waiting connections=2/, 3);
        Deno.kill(last.pid, "SIGTERM");
        assertEquals((await endOf(last)).code, 0, last.describe());
        await delay(1_200);
        await assertRejects(() => RtmpClient.play(site.port, "show"), Error);
        // A server that is started then has what the old one still has.
        await using plain = site.start();
        await plain.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
        await using viewer = await RtmpClient.play(site.port, "show");
        const timer = setInterval(() => publisher.push(numberedFrame(3)), 50);
        await untilNewest(viewer, 3);
        clearInterval(timer);
        for (const client of [viewer, publisher, player]) await client.close();
        assertEquals((await endOf(old)).code, 0, old.describe());
      }),
  });
}

Deno.test({
  ...linux,
  name: "a replacer that is killed and started again keeps the place, and settings that change",
  fn: () =>
    inTempDirectory(async (directory) => {
      const site = new Site(directory, "inotify_auto_reload on;");
      await using old = site.start();
      await old.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
      await using publisher = await RtmpClient.publish(site.port, "show");
      await using next = site.start("--replace");
      await old.waitForLine(/Draining: waiting connections=1/, CHILD_TIMEOUT_MS);
      await using other = site.start("--replace");
      Deno.kill(next.pid, "SIGKILL");
      await endOf(next);
      const says = (text: string) => old.stderr.some((line) => line.includes(text));
      // If the old one has listened again in between, it closes its listeners once more.
      const isNext = () =>
        site.pid === String(other.pid) &&
        (!says("listening again") || says(`replaced by process ${other.pid}`));
      await until("the other one takes over", isNext, { timeoutMs: CHILD_TIMEOUT_MS });
      await using viewer = await RtmpClient.play(site.port, "show");
      const timer = setInterval(() => publisher.push(numberedFrame(1)), 50);
      await untilNewest(viewer, 1);
      clearInterval(timer);
      assertEquals([site.pid, await site.apiPid()], [String(other.pid), String(other.pid)]);
      const text = Deno.readTextFileSync(`${directory}/edge.conf`);
      Deno.writeTextFileSync(`${directory}/edge.conf`, `max_connections 99; ${text}`);
      await other.waitForLine(/Configuration reloaded/, CHILD_TIMEOUT_MS);
      await delay(1_200);
      assertEquals(old.stderr.filter((line) => / ERROR /.test(line)), []);
    }),
});

Deno.test({
  ...linux,
  name: "edge without --replace is refused beside a running one, with the same pid file or another",
  fn: () =>
    inTempDirectory(async (directory) => {
      const site = new Site(directory, "");
      await using old = site.start();
      await old.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
      await using second = site.start();
      assertEquals((await endOf(second)).code, 1);
      assertMatch(second.stderr.join("\n"), /holds pid file edge\.pid.*\n.*--replace/);
      for (const workers of [1, 2]) {
        const text =
          `listen 127.0.0.1:${site.port}; workers ${workers}; vhost __defaultVhost__ { }\n`;
        await Deno.writeTextFile(`${directory}/edge.conf`, text);
        await using third = site.start();
        assertEquals((await endOf(third)).code, 1);
        assertMatch(third.stderr.join("\n"), /Cannot listen on .*in use/);
      }
    }),
});

Deno.test({
  ...linux,
  name: "edge --replace starts when no server runs, and needs a pid file",
  fn: () =>
    inTempDirectory(async (directory) => {
      const site = new Site(directory, "");
      await using server = site.start("--replace");
      await server.waitForLine(/Listening on http/, CHILD_TIMEOUT_MS);
      await Deno.writeTextFile(`${directory}/edge.conf`, `listen 1; vhost __defaultVhost__ { }\n`);
      await using other = site.start("--replace");
      assertEquals((await endOf(other)).code, 1);
      assertMatch(other.stderr.join("\n"), /--replace has no pid file/);
    }),
});

async function waitForCount(process: ChildProcess, line: RegExp, count: number): Promise<void> {
  const isThere = () => process.stderr.filter((text) => line.test(text)).length >= count;
  await process.waitFor(`${count} lines like ${line}`, isThere, CHILD_TIMEOUT_MS);
}

async function untilNewest(client: RtmpClient, number: number): Promise<void> {
  await until(`the newest frame is ${number}`, () => {
    const newest = client.media.at(-1);
    return newest !== undefined && numberOf(newest) === number;
  }, { timeoutMs: CHILD_TIMEOUT_MS });
}
