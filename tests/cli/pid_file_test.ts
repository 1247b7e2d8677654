import { acquirePidFile, PidFileError } from "../../lib/cli/pid_file.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../helpers/assert.ts";
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
    const replacers: string[] = [];
    const stopWatching = first.watch((pid) => replacers.push(pid));
    await using second = startChild("cli/children/hold_pid_file.ts", path, "--replace");
    await second.waitForLine(/^held$/, CHILD_TIMEOUT_MS);
    await until("the replacement is seen", () => replacers.length > 0, { timeoutMs: 5_000 });
    assertEquals(replacers, [String(second.pid)]);
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
    const replacers: string[] = [];
    const stopWatching = pidFile.watch((pid) => replacers.push(pid));
    await Deno.remove(path);
    await delay(600);
    await Deno.writeTextFile(path, "1\n");
    await delay(600);
    assertEquals(replacers, []);
    stopWatching();
    pidFile.release();
  },
);
