/** A row of the table: one leg of the stream. */
export interface LegRow {
  /** `edge 2 → 3 players`, at most 18 characters. */
  readonly leg: string;
  readonly frames: number;
  readonly kbps: number;
  /** Connections that play from the leg's server; undefined without a server. */
  readonly viewers?: number;
  /** Connections of the leg's server to origins; undefined without a server. */
  readonly upstreams?: number;
  /** Faults found by the leg's players; undefined without players. */
  readonly lost?: number;
  readonly duplicated?: number;
}

/** The state of the demo at one time. */
export interface Snapshot {
  readonly elapsedMs: number;
  readonly rows: readonly LegRow[];
  /** Lines below the rows. */
  readonly notes: readonly string[];
}

/** Shows the table. */
export interface TableDisplay {
  /** Shows a state. May be called often. */
  show(snapshot: Snapshot): void;
  /** Shows the last state as a whole table. */
  finish(snapshot: Snapshot): void;
}

/** Options of {@linkcode createDisplay}. */
interface DisplayOptions {
  readonly write: (text: string) => void;
  /** Whether cursor movements work. If not, one plain line is written per second. */
  readonly isTerminal: boolean;
}

const COLUMNS: readonly {
  readonly title: string;
  readonly width: number;
  readonly cell: (row: LegRow) => string;
}[] = [
  { title: "frames", width: 8, cell: (row) => String(row.frames) },
  { title: "kbit/s", width: 7, cell: (row) => row.kbps.toFixed(0) },
  { title: "plays", width: 6, cell: (row) => String(row.viewers ?? "-") },
  { title: "origins", width: 8, cell: (row) => String(row.upstreams ?? "-") },
  { title: "lost", width: 6, cell: (row) => String(row.lost ?? "-") },
  { title: "twice", width: 6, cell: (row) => String(row.duplicated ?? "-") },
];
const LEG_WIDTH = 18;

/** Returns the lines of the table, at most 60 columns wide. */
function formatTable({ elapsedMs, rows, notes }: Snapshot): string[] {
  const titles = COLUMNS.map(({ title, width }) => title.padStart(width)).join("");
  const head = `${formatSeconds(elapsedMs).padEnd(LEG_WIDTH)}${titles}`;
  const lines = rows.map((row) =>
    row.leg.padEnd(LEG_WIDTH) +
    COLUMNS.map(({ width, cell }) => cell(row).padStart(width)).join("")
  );
  return [head, "─".repeat(head.length), ...lines, ...notes];
}

/** Returns all legs in one line: `3 s  encoder → edge: frames=168 kbit/s=208; …`. */
function formatPlainLine({ elapsedMs, rows, notes }: Snapshot): string {
  const parts = [...rows.map(formatPlainLeg), ...notes.slice(-1)];
  return `${formatSeconds(elapsedMs)}  ${parts.join("; ")}`;
}

/**
 * Creates a display: for a terminal the table, redrawn in place; for a file or pipe plain lines.
 */
export function createDisplay({ write, isTerminal }: DisplayOptions): TableDisplay {
  return isTerminal ? createLiveDisplay(write) : createPlainDisplay(write);
}

function createLiveDisplay(write: (text: string) => void): TableDisplay {
  let drawnLines = 0;
  function draw(snapshot: Snapshot): void {
    const lines = formatTable(snapshot);
    // Move up to the first line drawn before; clear the rest of each line after writing it.
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
