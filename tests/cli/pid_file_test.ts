import { acquirePidFile, PidFileError, type PidFileWatcher } from "../../lib/cli/pid_file.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { delay, until } from "../helpers/until.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory, startChild } from "../helpers/child.ts";

const granted = await needs("read", "run", "write");

function pidFileTest(name: string, fn: (directory: string) => Promise<void>): void {
  Deno.test({ ...granted, name, fn: () => inTempDirectory(fn) });
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

pidFileTest("acquirePidFile() writes the pid and creates directories", async (directory) => {
  const path = `${directory}/objs/run/edge.pid`;
  const pidFile = await acquirePidFile(path);
  assertEquals(await Deno.readTextFile(path), `${Deno.pid}\n`);
  pidFile.release();
  assertEquals(await exists(path), false);
});

pidFileTest("acquirePidFile() refuses while another process holds the file", async (directory) => {
  const path = `${directory}/edge.pid`;
  await using holder = startChild("cli/children/hold_pid_file.ts", path);
  await holder.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
  const error = await assertRejects(() => acquirePidFile(path), PidFileError);
  assertStringIncludes(error.message, `process ${holder.pid}`);
  assertStringIncludes(error.message, path);
  assertEquals(
    error.fix,
    `stop process ${holder.pid}, replace it with --replace, or choose another pid path`,
  );
  assertEquals(await Deno.readTextFile(path), `${holder.pid}\n`);

  assertEquals((await holder.stop()).code, 0);
  assertEquals(await exists(path), false);
  (await acquirePidFile(path)).release();
});

pidFileTest("acquirePidFile() takes over the file of a killed process", async (directory) => {
  const path = `${directory}/edge.pid`;
  await using holder = startChild("cli/children/hold_pid_file.ts", path);
  await holder.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
  Deno.kill(holder.pid, "SIGKILL");
  await endOf(holder);
  const pidFile = await acquirePidFile(path);
  assertEquals(await Deno.readTextFile(path), `${Deno.pid}\n`);
  pidFile.release();
});

pidFileTest("acquirePidFile() replaces a longer number completely", async (directory) => {
  const path = `${directory}/edge.pid`;
  await Deno.writeTextFile(path, "12345678901234567890\n");
  const pidFile = await acquirePidFile(path);
  assertEquals(await Deno.readTextFile(path), `${Deno.pid}\n`);
  pidFile.release();
});

pidFileTest("acquirePidFile() fails with a fix when it cannot write", async (directory) => {
  const error = await assertRejects(() => acquirePidFile(directory), PidFileError);
  assertStringIncludes(error.message, `Cannot write pid file ${directory}: `);
  assertStringIncludes(error.fix, "choose another pid path");
});

pidFileTest("PidFile.release() accepts that the file was removed", async (directory) => {
  const path = `${directory}/edge.pid`;
  const pidFile = await acquirePidFile(path);
  await Deno.remove(path);
  pidFile.release();
});

pidFileTest("PidFile.release() leaves the file of a successor alone", async (directory) => {
  const path = `${directory}/edge.pid`;
  const pidFile = await acquirePidFile(path);
  await Deno.remove(path);
  await Deno.writeTextFile(path, "77\n");
  pidFile.release();
  assertEquals(await Deno.readTextFile(path), "77\n");
});

pidFileTest(
  "replacePidFile() takes the file of a running process, which sees it",
  async (directory) => {
    const path = `${directory}/edge.pid`;
    const first = await acquirePidFile(path);
    const { seen, watcher } = collect();
    const stopWatching = first.watch(watcher);
    await using second = startChild("cli/children/hold_pid_file.ts", path, "--replace");
    await second.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
    await until("the replacement is seen", () => seen.length > 0, { timeoutMs: 5_000 });
    assertEquals(seen, [`replaced by ${second.pid}`]);
    stopWatching();
    first.release();
    assertEquals(await Deno.readTextFile(path), `${second.pid}\n`);
    assertEquals((await second.stop()).code, 0);
    assertEquals([...Deno.readDirSync(directory)], []);
  },
);

pidFileTest(
  "A pid file that is removed, or left by a dead process, replaces no server",
  async (directory) => {
    const path = `${directory}/edge.pid`;
    const pidFile = await acquirePidFile(path);
    const { seen, watcher } = collect();
    const stopWatching = pidFile.watch(watcher);
    await Deno.remove(path);
    await delay(600);
    assertEquals(seen, []);
    await Deno.writeTextFile(path, "1\n");
    await delay(1_200);
    assertEquals(seen, ["1 died"]);
    stopWatching();
    pidFile.release();
  },
);

pidFileTest(
  "PidFile.reclaim() takes the file of a killed replacer, and can be replaced again",
  async (directory) => {
    const path = `${directory}/edge.pid`;
    const first = await acquirePidFile(path);
    const { seen, watcher } = collect();
    const stopWatching = first.watch(watcher);
    for (const round of [1, 2]) {
      await using next = startChild("cli/children/hold_pid_file.ts", path, "--replace");
      await next.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
      await until("it is seen", () => seen.length === 2 * round - 1, { timeoutMs: 5_000 });
      assertEquals(await first.reclaim(), false);
      Deno.kill(next.pid, "SIGKILL");
      await until("its death is seen", () => seen.length === 2 * round, { timeoutMs: 5_000 });
      assertEquals(seen.slice(-2), [`replaced by ${next.pid}`, `${next.pid} died`]);
      assertEquals(await first.reclaim(), true);
      assertEquals(await Deno.readTextFile(path), `${Deno.pid}\n`);
      await assertRejects(() => acquirePidFile(path), PidFileError);
    }
    stopWatching();
    first.release();
    assertEquals([...Deno.readDirSync(directory)], []);
  },
);

pidFileTest("a replacer that stops gracefully has not died", async (directory) => {
  const path = `${directory}/edge.pid`;
  const first = await acquirePidFile(path);
  const { seen, watcher } = collect();
  const stopWatching = first.watch(watcher);
  await using next = startChild("cli/children/hold_pid_file.ts", path, "--replace");
  await next.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
  await until("it is seen", () => seen.length === 1, { timeoutMs: 5_000 });
  assertEquals((await next.stop()).code, 0);
  await delay(1_200);
  assertEquals(seen, [`replaced by ${next.pid}`]);
  stopWatching();
  first.release();
});

pidFileTest(
  "of two processes that were replaced, the newer one hears of the death first",
  async (directory) => {
    const path = `${directory}/edge.pid`;
    const first = await acquirePidFile(path);
    const older = collect();
    const stopOlder = first.watch(older.watcher);
    await using middle = startChild("cli/children/hold_pid_file.ts", path, "--replace");
    await middle.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
    await until("the older one sees it", () => older.seen.length === 1, { timeoutMs: 5_000 });
    await using newest = startChild("cli/children/hold_pid_file.ts", path, "--replace");
    await newest.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
    await until("both are seen", () => older.seen.length === 2, { timeoutMs: 5_000 });
    const atMs = Date.now();
    Deno.kill(newest.pid, "SIGKILL");
    await endOf(newest);
    await until("the death is seen", () => older.seen.length === 3, { timeoutMs: 5_000 });
    // One look more than a process that was replaced once: that has taken the file by then.
    assert(Date.now() - atMs >= 500, `${Date.now() - atMs} ms`);
    assertEquals(older.seen.at(-1), `${newest.pid} died`);
    stopOlder();
    first.release();
  },
);

function collect() {
  const seen: string[] = [];
  const watcher: PidFileWatcher = {
    onReplaced: (pid) => seen.push(`replaced by ${pid}`),
    onDied: (pid) => seen.push(`${pid} died`),
  };
  return { seen, watcher };
}
