/**
 * Measures several servers in turns, so that all have the same share of a machine's good and bad moments.
 * Whoever waits for its turn is stopped.
 */

import { delay } from "../tests/helpers/until.ts";
import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { readUsage } from "./machine.ts";

/** What a turn lasts unless there is a reason: eight merge periods of 350 ms. */
export const TURN_MS = 2_800;
/** More than all turns of a scene take together: what gives loads an end, should nothing else. */
export const MOST_SECONDS = 600;
/** Until a server that goes on is at its pace: a merge period and a part of one. */
export const SETTLE_MS = 500;
/** Until the last that was published has gone out, where a server keeps up: like {@linkcode SETTLE_MS}. */
const DRAIN_MS = 400;
/** Whoever took less than a tenth of this time is idle. */
const IDLE_MS = 100;
const IDLE_TIMEOUT_MS = 10_000;

/** A server with its load that is measured, and works only while it is its turn. */
export interface Contender {
  /** Process id of the server. */
  readonly pid: number;
  readonly loadPid: number;
  /** Gives it work, and waits until it is at its pace. */
  resume(): Promise<void>;
  /** Gives it no more, and waits until it has ended what is under way. */
  pause(): Promise<void>;
}

/** Whose turn it is, and for how long. */
export interface Turn {
  readonly contender: Contender;
  /** What is measured of it, in ms. */
  readonly lengthMs: number;
}

/**
 * Lets each have its turn, and that `rounds` times. All have paused when they come here, and nobody is stopped
 * afterwards.
 *
 * @returns the mean of each one's turns, in the order given, and its memory in the last
 */
export async function measureInTurns(
  turns: readonly Turn[],
  rounds: number,
): Promise<CpuUse[]> {
  const uses = turns.map((): CpuUse[] => []);
  for (const { contender } of turns) signal(contender, "SIGSTOP");
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [index, turn] of turns.entries()) {
        signal(turn.contender, "SIGCONT");
        uses[index]!.push(await measureTurn(turn));
        signal(turn.contender, "SIGSTOP");
      }
    }
  } finally {
    for (const { contender } of turns) signal(contender, "SIGCONT");
  }
  return uses.map((own) => ({
    cpuPercent: own.reduce((sum, { cpuPercent }) => sum + cpuPercent, 0) / own.length,
    rssMiB: own.at(-1)!.rssMiB,
  }));
}

async function measureTurn({ contender, lengthMs }: Turn): Promise<CpuUse> {
  await contender.resume();
  const meter = await CpuMeter.start(contender.pid);
  await delay(lengthMs);
  const use = await meter.read();
  await contender.pause();
  return use;
}

/** Waits until a process has next to nothing to do. @throws {Error} when that does not come */
export async function untilIdle(pid: number): Promise<void> {
  const deadlineMs = performance.now() + IDLE_TIMEOUT_MS;
  await delay(DRAIN_MS);
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
