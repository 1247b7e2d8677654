/** The live table of `edge demo`: rows to text, redrawn in place on a terminal. */

/** What the table says about one leg of the stream. */
export interface LegRow {
  /** `edge 2 → 3 players`; at most 21 characters. */
  readonly leg: string;
  readonly frames: number;
  readonly kbps: number;
  /** Connections that play from the leg's server; undefined where there is none. */
  readonly viewers?: number;
  /** Connections of the leg's server to its origins; undefined where there is none. */
  readonly upstreams?: number;
  /** Faults found by the leg's players; undefined where nobody plays. */
  readonly lost?: number;
  readonly doubled?: number;
}

/** One state of the demonstration. */
export interface Snapshot {
  readonly elapsedMs: number;
  readonly rows: readonly LegRow[];
}

/** Where the table is shown. */
export interface TableDisplay {
  /** Shows a state; call it as often as convenient. */
  show(snapshot: Snapshot): void;
  /** Shows the last state, whole. */
  finish(snapshot: Snapshot): void;
}

/** How a {@linkcode TableDisplay} writes. */
export interface DisplayOptions {
  readonly write: (text: string) => void;
  /** Whether cursor movements are understood; if not, there is one plain line a second. */
  readonly isTerminal: boolean;
}

const COLUMNS: readonly {
  readonly title: string;
  readonly width: number;
  readonly cell: (row: LegRow) => string;
}[] = [
  { title: "frames", width: 8, cell: (row) => String(row.frames) },
  { title: "kbit/s", width: 8, cell: (row) => row.kbps.toFixed(0) },
  { title: "viewers", width: 9, cell: (row) => String(row.viewers ?? "-") },
  { title: "upstreams", width: 11, cell: (row) => String(row.upstreams ?? "-") },
  { title: "lost", width: 7, cell: (row) => String(row.lost ?? "-") },
  { title: "doubled", width: 9, cell: (row) => String(row.doubled ?? "-") },
];
const LEG_WIDTH = 22;

/** The lines of the table, at most 80 columns wide. */
export function formatTable({ elapsedMs, rows }: Snapshot): string[] {
  const titles = COLUMNS.map(({ title, width }) => title.padStart(width)).join("");
  const head = `${formatSeconds(elapsedMs).padEnd(LEG_WIDTH)}${titles}`;
  const lines = rows.map((row) =>
    row.leg.padEnd(LEG_WIDTH) +
    COLUMNS.map(({ width, cell }) => cell(row).padStart(width)).join("")
  );
  return [head, "─".repeat(head.length), ...lines];
}

/** All legs in one line: `3 s  encoder → edge: frames=168 kbit/s=208; …`. */
export function formatPlainLine({ elapsedMs, rows }: Snapshot): string {
  return `${formatSeconds(elapsedMs)}  ${rows.map(formatPlainLeg).join("; ")}`;
}

/** A display for the terminal, or for a file or pipe. */
export function createDisplay({ write, isTerminal }: DisplayOptions): TableDisplay {
  return isTerminal ? createLiveDisplay(write) : createPlainDisplay(write);
}

function createLiveDisplay(write: (text: string) => void): TableDisplay {
  let drawnLines = 0;
  function draw(snapshot: Snapshot): void {
    const lines = formatTable(snapshot);
    // Up to the first line of the last drawing; each line is cleared to its end after it is written.
    const home = drawnLines === 0 ? "" : `\x1b[${drawnLines}A`;
    write(home + lines.map((line) => `${line}\x1b[K\n`).join(""));
    drawnLines = lines.length;
  }
  return { show: draw, finish: draw };
}

function createPlainDisplay(write: (text: string) => void): TableDisplay {
  let shownSecond = 0;
  return {
    show(snapshot) {
      const second = Math.floor(snapshot.elapsedMs / 1000);
      if (second === shownSecond) return;
      shownSecond = second;
      write(`${formatPlainLine(snapshot)}\n`);
    },
    finish(snapshot) {
      write(`${formatTable(snapshot).join("\n")}\n`);
    },
  };
}

function formatPlainLeg(row: LegRow): string {
  const cells = COLUMNS.map(({ title, cell }) => ` ${title}=${cell(row)}`);
  return `${row.leg}:${cells.filter((cell) => !cell.endsWith("=-")).join("")}`;
}

function formatSeconds(ms: number): string {
  return `${Math.floor(ms / 1000)} s`;
}
