import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { endOf, inTempDirectory, startChild } from "../helpers/child.ts";

const granted = await needs("read", "run", "write");

function loggingTest(name: string, fn: (directory: string) => Promise<void>): void {
  Deno.test({ ...granted, name, fn: () => inTempDirectory(fn) });
}

/** Runs a program that logs with these arguments, and returns what it wrote to the terminal. */
async function writeLogs(
  ...args: readonly string[]
): Promise<{ readonly output: string[]; readonly errors: string[] }> {
  await using child = startChild("logging/children/write_logs.ts", ...args);
  assertEquals((await endOf(child)).code, 0);
  return { output: child.stdout, errors: child.stderr };
}

/** Lines without their time. */
function withoutTime(lines: readonly string[]): string[] {
  for (const line of lines) {
    assertMatch(line, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d /);
  }
  return lines.map((line) => line.slice("2026-11-22 09:17:01.123+01:00 ".length));
}

async function readLines(path: string): Promise<string[]> {
  return (await Deno.readTextFile(path)).split("\n").slice(0, -1);
}

const DEBUG = "DEBUG [rtmp c12] Not important";
const INFO = "INFO  [rtmp c12] Connected {peer} peer=127.0.0.1:5";
const WARNING = "WARN  [rtmp c12] Slow player";
const ERROR = "ERROR [rtmp c12] Broken chunk";
const NOTICE = "INFO  [edge] Ready port=1935";

loggingTest("createLogging() writes all lines to standard error for tank console", async () => {
  const { output, errors } = await writeLogs("console", "", "text");
  assertEquals(withoutTime(errors), [INFO, WARNING, ERROR, NOTICE]);
  assertEquals(output, []);
});

loggingTest(
  "createLogging() writes only warnings, errors and notices to standard error for tank file",
  async (
    directory,
  ) => {
    const file = `${directory}/objs/logs/edge.log`;
    const { errors } = await writeLogs("file", file, "text");
    assertEquals(withoutTime(errors), [WARNING, ERROR, NOTICE]);
    const all = [INFO, WARNING, ERROR, NOTICE];
    assertEquals(withoutTime(await readLines(file)), all);
    await writeLogs("file", file, "text");
    assertEquals(withoutTime(await readLines(file)), [...all, ...all]);
  },
);

loggingTest("createLogging() writes JSON lines", async (directory) => {
  const file = `${directory}/edge.log`;
  await writeLogs("file", file, "json");
  const { time, ...rest } = JSON.parse((await readLines(file))[0]!);
  assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(rest, {
    level: "info",
    layer: "rtmp",
    id: "c12",
    message: "Connected {peer}",
    peer: "127.0.0.1:5",
  });
});

loggingTest("createLogging() logs to the terminal when the file cannot be opened", async (
  directory,
) => {
  const { errors } = await writeLogs("file", directory, "text");
  const [problem, fix, ...lines] = errors;
  assertMatch(problem!, /^Cannot open log file .*: log lines go to the terminal$/);
  assertMatch(fix!, /^fix: /);
  assertEquals(withoutTime(lines), [INFO, WARNING, ERROR, NOTICE]);
});

loggingTest("createLogging() reports a full disk once and continues", async () => {
  const { errors } = await writeLogs("file", "/dev/full", "text");
  const problems = errors.filter((line) => line.startsWith("Cannot write log file /dev/full: "));
  assertEquals(problems.length, 1);
});

loggingTest("Logging.configure() changes level, format and destination", async (directory) => {
  const [first, second] = [`${directory}/first.log`, `${directory}/second.log`];
  await writeLogs("file", first, "text", "file", second, "json", "debug");
  assertEquals(withoutTime(await readLines(first)), [INFO, WARNING, ERROR, NOTICE]);
  const levels = (await readLines(second)).map((line) => JSON.parse(line).level);
  assertEquals(levels, ["debug", "info", "warning", "error", "info"]);
});

loggingTest(
  "Logging.configure() sends a log to the terminal that went to a file",
  async (directory) => {
    const file = `${directory}/edge.log`;
    const { errors } = await writeLogs("file", file, "text", "console", "", "text", "debug");
    const urgent = [WARNING, ERROR, NOTICE];
    assertEquals(withoutTime(errors), [...urgent, DEBUG, INFO, ...urgent]);
    assertEquals((await readLines(file)).length, 4);
  },
);

loggingTest(
  "Logging.configure() keeps the file when the new one cannot be opened",
  async (directory) => {
    const file = `${directory}/edge.log`;
    const { errors } = await writeLogs("file", file, "text", "file", directory, "text", "error");
    assertMatch(errors.join("\n"), /Cannot open log file .*: the log stays where it was\nfix: /);
    assertEquals(withoutTime(await readLines(file)), [INFO, WARNING, ERROR, NOTICE, ERROR]);
  },
);

loggingTest("Logging.reopen() continues in a new file after a rename", async (directory) => {
  const [file, rotated] = [`${directory}/edge.log`, `${directory}/edge.log.1`];
  await writeLogs("file", file, "text", "reopen", rotated);
  const all = [INFO, WARNING, ERROR, NOTICE];
  assertEquals(withoutTime(await readLines(rotated)), [...all, ...all]);
  const reopened = `INFO  [edge] Log file opened again file=${file} cause=test`;
  assertEquals(withoutTime(await readLines(file)), [reopened, ...all]);
});

loggingTest("createLogging() writes local times with their zone", async () => {
  for (
    const [zone, suffix] of [["UTC", "+00:00"], ["Asia/Kolkata", "+05:30"], ["Etc/GMT+3", "-03:00"]]
  ) {
    const path = new URL("children/write_logs.ts", import.meta.url).pathname;
    const { stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "--allow-all", path, "console", "", "text"],
      env: { TZ: zone! },
    }).output();
    const [line] = new TextDecoder().decode(stderr).split("\n");
    assertMatch(line!, new RegExp(`^.{23}\\${suffix} INFO `));
    const ageMs = Date.now() - Date.parse(line!.slice(0, 29).replace(" ", "T"));
    assert(ageMs >= 0 && ageMs < 60_000, `${line} is ${ageMs} ms old`);
  }
});
