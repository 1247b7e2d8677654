/**
 * Measures several servers in turns, so that all have the same share of a machine's good and bad moments.
 * Whoever waits for its turn is stopped.
 */

import { delay } from "../tests/helpers/until.ts";
import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { readUsage } from "./machine.ts";

/** A turn is so long: eight merge periods of 350 ms. */
const TURN_MS = 2_800;
/**
 * Fewer players than this take so little that one collection of the whole heap, of which there is one in ten
 * seconds of work or so, is a tenth of it: their turns are longer, and so is what warms them up.
 */
const FEW_PLAYERS = 1000;
const FEW_FACTOR = 2;
/** Until a server that goes on is at its pace: a merge period and a part of one. */
export const SETTLE_MS = 500;
/** Whoever took less than a tenth of this time is idle. */
const IDLE_MS = 400;
const IDLE_TIMEOUT_MS = 10_000;

/** A server with its load that is measured, and works only while it is its turn. */
export interface Contender {
  /** Process id of the server. */
  readonly pid: number;
  readonly loadPid: number;
  readonly players: number;
  /** Gives it work, and waits until it is at its pace. */
  resume(): Promise<void>;
  /** Gives it no more, and waits until it has ended what is under way. */
  pause(): Promise<void>;
}

/** How much longer than others so many players are warmed up and measured. */
export function patienceFor(players: number): number {
  return players < FEW_PLAYERS ? FEW_FACTOR : 1;
}

/**
 * Measures each in so many turns. All have paused when they come here, and nobody is stopped afterwards.
 *
 * @returns the mean of each one's turns, and its memory in the last
 */
export async function measureInTurns(
  contenders: readonly Contender[],
  rounds: number,
): Promise<CpuUse[]> {
  const turns = contenders.map((): CpuUse[] => []);
  for (const contender of contenders) signal(contender, "SIGSTOP");
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        signal(contender, "SIGCONT");
        turns[index]!.push(await measureTurn(contender));
        signal(contender, "SIGSTOP");
      }
    }
  } finally {
    for (const contender of contenders) signal(contender, "SIGCONT");
  }
  return turns.map((uses) => ({
    cpuPercent: uses.reduce((sum, { cpuPercent }) => sum + cpuPercent, 0) / uses.length,
    rssMiB: uses.at(-1)!.rssMiB,
  }));
}

async function measureTurn(contender: Contender): Promise<CpuUse> {
  await contender.resume();
  const meter = await CpuMeter.start(contender.pid);
  await delay(TURN_MS * patienceFor(contender.players));
  const use = await meter.read();
  await contender.pause();
  return use;
}

/** Waits until a process has next to nothing to do. @throws {Error} when that does not come */
export async function untilIdle(pid: number): Promise<void> {
  const deadlineMs = performance.now() + IDLE_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const before = await readUsage(pid);
    await delay(IDLE_MS);
    const after = await readUsage(pid);
    if (after.cpuMs - before.cpuMs < IDLE_MS / 10) return;
  }
  throw new Error(`Process ${pid} works on although it has been given nothing more`);
}

function signal({ pid, loadPid }: Contender, name: Deno.Signal): void {
  Deno.kill(pid, name);
  Deno.kill(loadPid, name);
}
