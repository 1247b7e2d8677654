import type { ServerView } from "../../lib/monitor/server_view.ts";
import { Handover } from "../../lib/cli/handover.ts";
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
  view: { bans: () => Promise.resolve([]), ban: () => Promise.resolve() } as unknown as ServerView,
};

function handoverTest(name: string, fn: (directory: string) => Promise<void>): void {
  Deno.test({ ...granted, name, fn: () => inTempDirectory(fn) });
}

async function notesIn(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  return entries.map(({ name }) => name).sort();
}

handoverTest("a server that has replaced another can be replaced later", async (directory) => {
  const logger = new LineKeeper();
  const own = `edge.pid.handover.${Deno.pid}`;
  const other = `edge.pid.handover.${Deno.pid + 1}`;
  const text = JSON.stringify({ pid: Deno.pid + 1, port: 1936, token: "shared" });
  const note = await replaceLocked(`${directory}/${other}`, text);
  {
    using handover = new Handover(SERVER, `${directory}/edge.pid`, logger);
    handover.seek();
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
});

handoverTest(
  "a server whose note cannot be written serves on, with a warning",
  async (directory) => {
    const logger = new LineKeeper();
    using handover = new Handover(SERVER, `${directory}/missing/edge.pid`, logger);
    await handover.offer();
    assertEquals(logger.lines.length, 1, logger.lines.join("\n"));
  },
);

handoverTest("a note that was removed by hand is no fault", async (directory) => {
  const logger = new LineKeeper();
  using handover = new Handover(SERVER, `${directory}/edge.pid`, logger);
  await handover.offer();
  await Deno.remove(`${directory}/edge.pid.handover.${Deno.pid}`);
  handover[Symbol.dispose]();
  assertEquals(logger.lines, []);
});

handoverTest("a server whose replacer has died shares nothing any longer", async (directory) => {
  const logger = new LineKeeper();
  using handover = new Handover(SERVER, `${directory}/edge.pid`, logger);
  await handover.offer();
  handover.withdraw();
  const isAlone = async () => (await notesIn(directory)).length === 0;
  await until("it removes its note", isAlone, WAIT);
  await handover.offer();
  assertEquals((await notesIn(directory)).length, 1);
  assertEquals(logger.lines, []);
});
