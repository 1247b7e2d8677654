/**
 * Measures several servers in turns, so that the machine's noisy moments affect all of them alike.
 * Servers are stopped (SIGSTOP) while they wait for their turn.
 */

import { delay } from "../tests/helpers/until.ts";
import { CpuMeter, type CpuUse } from "./cpu_meter.ts";
import { readUsage } from "./machine.ts";

/** Default length of a turn: eight merge periods of 350 ms. */
export const TURN_MS = 2_800;
/** Longer than all turns of a scene together; ends loads that are left over. */
export const MOST_SECONDS = 600;
/** Time for a resumed server to reach its pace: a little more than a merge period. */
export const SETTLE_MS = 500;
/**
 * Time for the last published bytes to go out, if the server keeps up. Similar to {@linkcode
 * SETTLE_MS}.
 */
const DRAIN_MS = 400;
/** A process is idle if it used less than a tenth of this time. */
const IDLE_MS = 100;
const IDLE_TIMEOUT_MS = 10_000;

/** A server and its load, which work only during their turn. */
export interface Contender {
  /** Process id of the server. */
  readonly pid: number;
  readonly loadPid: number;
  /** Starts the load, and waits until the server has reached its pace. */
  resume(): Promise<void>;
  /** Stops the load, and waits until the server has finished its work. */
  pause(): Promise<void>;
}

/** A server and the length of its turns. */
interface Turn {
  readonly contender: Contender;
  /** Measured time per turn, in ms. */
  readonly lengthMs: number;
}

/**
 * Measures each server `rounds` times, in turns. All must be paused at the start; none is stopped
 * at the end.
 *
 * @returns the mean of each server's turns, in the given order, and its memory in the last turn
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

/** Waits until a process is all but idle. @throws {Error} when it stays busy */
export async function untilIdle(pid: number): Promise<void> {
  const deadlineMs = performance.now() + IDLE_TIMEOUT_MS;
  await delay(DRAIN_MS);
  while (performance.now() < deadlineMs) {
    const before = await readUsage(pid);
    await delay(IDLE_MS);
    const after = await readUsage(pid);
    if (after.cpuMs - before.cpuMs < IDLE_MS / 10) return;
  }
  throw new Error(`Process ${pid} stays busy without a load`);
}

function signal({ pid, loadPid }: Contender, name: Deno.Signal): void {
  Deno.kill(pid, name);
  Deno.kill(loadPid, name);
}
