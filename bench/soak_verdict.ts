/** Decides whether a long run stayed within its bounds. */

/** State of the edge at one moment. */
export interface SoakPoint {
  readonly minute: number;
  readonly cpuPercent: number;
  readonly rssMiB: number;
  readonly descriptors: number;
  readonly playing: number;
  /** Connections opened, and closed by the edge, since the start. */
  readonly opened: number;
  readonly closed: number;
  /** Origins killed or stopped since the start. */
  readonly restarts: number;
  /** Frames that the player that stays has missed since the start. */
  readonly faults: number;
}

/** The outcome, one line per check. */
export interface Verdict {
  readonly isGood: boolean;
  readonly lines: readonly string[];
}

/** Growth below this is noise. */
const MAX_GROWTH = 1.15;
const RSS_SLACK_MIB = 10;
/** The heap grows for minutes between full collections, so a short run shows only large leaks. */
const SHORT_MINUTES = 15;
const SHORT_RSS_SLACK_MIB = 64;
const DESCRIPTOR_SLACK = 20;

/** Compares the last quarter with the second one; the first quarter warms up. */
export function judge(
  run: {
    readonly points: readonly SoakPoint[];
    readonly faults: number;
    /** Descriptors still open after the last player has left, compared with before the first. */
    readonly leftDescriptors: number;
  },
): Verdict {
  const { points, faults, leftDescriptors } = run;
  const quarter = Math.floor(points.length / 4);
  if (quarter === 0) return { isGood: false, lines: ["FAILED: too short to tell"] };
  const early = points.slice(quarter, 2 * quarter);
  const late = points.slice(-quarter);
  const [memoryBefore, memoryAfter] = [leastRssMiB(early), leastRssMiB(late)];
  const [descriptorsBefore, descriptorsAfter] = [medianDescriptors(early), medianDescriptors(late)];
  const checks = [
    growth("least memory (MiB)", {
      before: memoryBefore,
      after: memoryAfter,
      slack: points.at(-1)!.minute < SHORT_MINUTES ? SHORT_RSS_SLACK_MIB : RSS_SLACK_MIB,
    }),
    growth("descriptors", {
      before: descriptorsBefore,
      after: descriptorsAfter,
      slack: DESCRIPTOR_SLACK,
    }),
    { isGood: leftDescriptors <= 0, text: `descriptors still open at the end: ${leftDescriptors}` },
    { isGood: faults === 0, text: `frames missed by the player that stays: ${faults}` },
  ];
  return {
    isGood: checks.every(({ isGood }) => isGood),
    lines: checks.map(({ isGood, text }) => `${isGood ? "ok" : "FAILED"}: ${text}`),
  };
}

function growth(
  what: string,
  { before, after, slack }: { before: number; after: number; slack: number },
): { isGood: boolean; text: string } {
  const isGood = after <= before * MAX_GROWTH || after <= before + slack;
  return { isGood, text: `${what} from ${before.toFixed(0)} to ${after.toFixed(0)}` };
}

function leastRssMiB(points: readonly SoakPoint[]): number {
  return Math.min(...points.map(({ rssMiB }) => rssMiB));
}

function medianDescriptors(points: readonly SoakPoint[]): number {
  const sorted = points.map(({ descriptors }) => descriptors).sort((left, right) => left - right);
  return sorted[sorted.length >> 1] ?? NaN;
}
