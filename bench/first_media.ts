/** Measures the time from `play` to the first 4 KiB of media. */

import { LoadProcess, type Quantiles } from "./load_process.ts";

/** Times in ms. An edge is cold when it must pull the stream first. */
export interface FirstMediaResult {
  /** One player, several times. */
  readonly cold: Spread;
  readonly warm: Spread;
  /** Many players at once, several times. */
  readonly coldCrowd: Spread;
  readonly warmCrowd: Spread;
}

/** Median and maximum. */
interface Spread {
  readonly median: number;
  readonly max: number;
}

/** Number of players that start at once. */
export const CROWD = 50;

/** A server that takes longer counts as never. */
const SECONDS = 1;

const NEVER: Quantiles = { min: Infinity, median: Infinity, p99: Infinity, max: Infinity };

/**
 * Plays `streams`, none of which has been played there before: every other one with a single
 * player, the rest with a crowd.
 */
export async function measureFirstMedia(
  load: string,
  options: { readonly port: number; readonly streams: readonly string[] },
): Promise<FirstMediaResult> {
  const { port, streams } = options;
  const play = async (stream: string, players: number) => {
    await using process = new LoadProcess(load, {
      ...{ port, stream, players, rate: 0, warmSeconds: 0, seconds: SECONDS },
      flags: ["--together"],
    });
    const { startMs, started } = await process.untilEnded();
    return started === players && startMs !== null ? startMs : NEVER;
  };
  const alone = { cold: [] as Quantiles[], warm: [] as Quantiles[] };
  const crowd = { cold: [] as Quantiles[], warm: [] as Quantiles[] };
  for (const [index, stream] of streams.entries()) {
    const [times, players] = index % 2 === 0 ? [alone, 1] : [crowd, CROWD];
    times.cold.push(await play(stream, players));
    times.warm.push(await play(stream, players));
  }
  return {
    cold: spread(alone.cold),
    warm: spread(alone.warm),
    coldCrowd: spread(crowd.cold),
    warmCrowd: spread(crowd.warm),
  };
}

function spread(runs: readonly Quantiles[]): Spread {
  const medians = runs.map(({ median }) => median).sort((left, right) => left - right);
  return {
    median: medians[medians.length >> 1] ?? Infinity,
    max: Math.max(...runs.map(({ max }) => max)),
  };
}
