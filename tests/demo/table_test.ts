import { createDisplay, type LegRow, type Snapshot } from "../../lib/demo/table.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const ENCODER: LegRow = { leg: "encoder → edge", frames: 225, kbps: 207.4 };
const EDGE: LegRow = {
  leg: "edge → 2 players",
  frames: 220,
  kbps: 206.5,
  viewers: 3,
  upstreams: 1,
  lost: 4,
  duplicated: 0,
};
const SNAPSHOT: Snapshot = { elapsedMs: 4321, rows: [ENCODER, EDGE], notes: [] };

/** Returns what a display writes to a file: with `show`, a line; with `finish`, the table. */
function written(action: "show" | "finish", snapshot: Snapshot): string[] {
  let text = "";
  const display = createDisplay({ isTerminal: false, write: (part) => text += part });
  display[action](snapshot);
  return text.trimEnd().split("\n");
}

Deno.test("createDisplay() aligns the columns of the table", () => {
  assertEquals(written("finish", SNAPSHOT), [
    "4 s                 frames kbit/s plays origins  lost twice",
    "─".repeat(59),
    "encoder → edge         225    207     -       -     -     -",
    "edge → 2 players       220    207     3       1     4     0",
  ]);
});

Deno.test("createDisplay() fits the table into 60 columns after a day", () => {
  const row = {
    ...EDGE,
    leg: "edge 2 → 3 players",
    frames: 4_860_000,
    kbps: 100_000,
    lost: 99_999,
  };
  for (const line of written("finish", { elapsedMs: 86_400_000, rows: [row], notes: [] })) {
    assert(line.length <= 60, line);
  }
});

Deno.test("createDisplay() writes every figure of every leg into a plain line", () => {
  assertEquals(written("show", SNAPSHOT), [
    "4 s  encoder → edge: frames=225 kbit/s=207; edge → 2 players: frames=220 kbit/s=207 " +
    "plays=3 origins=1 lost=4 twice=0",
  ]);
});

Deno.test("createDisplay() redraws in place on a terminal", () => {
  let output = "";
  const display = createDisplay({ isTerminal: true, write: (text) => output += text });
  display.show(SNAPSHOT);
  const [head, rule, encoder, edge] = written("finish", SNAPSHOT);
  const drawing = `${head}\x1b[K\n${rule}\x1b[K\n${encoder}\x1b[K\n${edge}\x1b[K\n`;
  assertEquals(output, drawing);
  output = "";
  display.finish(SNAPSHOT);
  assertEquals(output, `\x1b[4A${drawing}`);
});

Deno.test("createDisplay() writes one line per second and a table at the end to a file", () => {
  const output: string[] = [];
  const display = createDisplay({ isTerminal: false, write: (text) => output.push(text) });
  for (const elapsedMs of [250, 900, 1001, 1500, 2000, 2999]) {
    display.show({ ...SNAPSHOT, elapsedMs });
  }
  assertEquals(output.map((line) => line.slice(0, 4)), ["1 s ", "2 s "]);
  assert(output.every((text) => text.endsWith("\n") && !text.includes("\x1b")), "plain lines");
  display.finish(SNAPSHOT);
  assertEquals(output[2], `${written("finish", SNAPSHOT).join("\n")}\n`);
});
