import { Handover } from "../../lib/cli/handover.ts";
import type { PassedOn } from "../../lib/cli/inheritance.ts";
import { replaceLocked } from "../../lib/cli/locked_file.ts";
import { assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { LineKeeper } from "../helpers/line_keeper.ts";
import { needs } from "../helpers/permissions.ts";
import { until } from "../helpers/until.ts";

const granted = await needs("read", "write");

const WAIT = { timeoutMs: 10_000 };

const SERVER = {
  openHandover: () => Promise.resolve(1935),
  takeOver: () => Promise.resolve(),
};

/** What a process passes on, which differs by the vhost. */
function passedOn(vhost: string): PassedOn {
  return { bans: [], forwards: [{ vhost, destination: "192.0.2.1" }] };
}

/** Passes on what it has taken. */
class Heir {
  readonly taken: string[] = [];

  collect(): Promise<PassedOn> {
    return Promise.resolve(passedOn(this.taken.join()));
  }

  take({ forwards }: PassedOn): Promise<void> {
    this.taken.push(...forwards.map(({ vhost }) => vhost));
    return Promise.resolve();
  }
}

function openHandover(pidPath: string, logger: LineKeeper, inheritance = new Heir()): Handover {
  return new Handover({ server: SERVER, inheritance, pidPath, logger });
}

function handoverTest(name: string, fn: (directory: string) => Promise<void>): void {
  Deno.test({ ...granted, name, fn: () => inTempDirectory(fn) });
}

async function notesIn(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  return entries.map(({ name }) => name).sort();
}

handoverTest(
  "a server beside one that was replaced shares streams, and can be replaced later",
  async (directory) => {
    const logger = new LineKeeper();
    const own = `edge.pid.handover.${Deno.pid}`;
    const other = `edge.pid.handover.${Deno.pid + 1}`;
    const text = JSON.stringify({ pid: Deno.pid + 1, startedMs: 0, port: 1936, token: "shared" });
    const note = await replaceLocked(`${directory}/${other}`, text);
    {
      using handover = openHandover(`${directory}/edge.pid`, logger);
      handover.seek(false);
      const shares = async () => (await notesIn(directory)).includes(own);
      await until("it leaves a note", shares, WAIT);
      note.close();
      const isAlone = async () => (await notesIn(directory)).length === 0;
      await until("it removes both notes", isAlone, WAIT);
      await handover.offer();
      assertEquals(await notesIn(directory), [own]);
    }
    assertEquals(await notesIn(directory), []);
    assertEquals(logger.lines, []);
  },
);

handoverTest(
  "a server whose note cannot be written serves on, with a warning",
  async (directory) => {
    const logger = new LineKeeper();
    using handover = openHandover(`${directory}/missing/edge.pid`, logger);
    await handover.offer();
    assertEquals(logger.lines.length, 1, logger.lines.join("\n"));
  },
);

handoverTest("a note that was removed by hand is no fault", async (directory) => {
  const logger = new LineKeeper();
  using handover = openHandover(`${directory}/edge.pid`, logger);
  await handover.offer();
  await Deno.remove(`${directory}/edge.pid.handover.${Deno.pid}`);
  handover[Symbol.dispose]();
  assertEquals(logger.lines, []);
});

handoverTest("a server whose replacer has died shares nothing any longer", async (directory) => {
  const logger = new LineKeeper();
  using handover = openHandover(`${directory}/edge.pid`, logger);
  await handover.offer();
  handover.withdraw();
  const isAlone = async () => (await notesIn(directory)).length === 0;
  await until("it removes its note", isAlone, WAIT);
  await handover.offer();
  assertEquals((await notesIn(directory)).length, 1);
  assertEquals(logger.lines, []);
});

handoverTest(
  "a server takes what the one before passes on, once, and nothing of those before that",
  async (directory) => {
    const logger = new LineKeeper();
    const heir = new Heir();
    const shared = { port: 1936, token: "shared" };
    // Process ids start again from below: the last of them is not that of the newest process.
    const leave = (pid: number, startedMs: number, more: Partial<{ passedOn: PassedOn }> = {}) =>
      replaceLocked(
        `${directory}/edge.pid.handover.${pid}`,
        JSON.stringify({ ...shared, pid, startedMs, ...more }),
      );
    using _oldest = await leave(Deno.pid + 2, 1_000, { passedOn: passedOn("oldest") });
    using _before = await leave(Deno.pid + 1, 2_000);
    using handover = openHandover(`${directory}/edge.pid`, logger, heir);
    handover.seek(false);
    const shares = async () => (await notesIn(directory)).length === 3;
    await until("it leaves a note", shares, WAIT);
    assertEquals(heir.taken, [], "the one before is not replaced yet");
    using _replaced = await leave(Deno.pid + 1, 2_000, { passedOn: passedOn("before") });
    await until("it takes", () => heir.taken.length > 0, WAIT);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assertEquals(heir.taken, ["before"]);
    await handover.offer();
    const own = await Deno.readTextFile(`${directory}/edge.pid.handover.${Deno.pid}`);
    assertEquals(JSON.parse(own).passedOn, passedOn("before"));
    assertEquals(logger.lines, []);
  },
);
