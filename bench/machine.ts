/** The machine that is measured, and which of its cores does what. */

import { say } from "../tests/helpers/say.ts";

/** Core of the measured server; everything else runs on the other cores. */
const SERVER_CORE = "0";

/**
 * Unit in which Linux counts processor time, in ms (`getconf CLK_TCK` is 100 on every
 * architecture).
 */
const CLOCK_TICK_MS = 10;

/** Processor time and memory of a process so far. */
interface Usage {
  /** User and system time of all threads, in ms. */
  readonly cpuMs: number;
  /** Resident memory, in MiB. */
  readonly rssMiB: number;
}

/**
 * Reads {@linkcode Usage} from `/proc`. @throws {Deno.errors.NotFound} when the process has ended
 */
export async function readUsage(pid: number): Promise<Usage> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The program's name, in brackets, may contain blanks; utime and stime are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const rssKiB = Number(status.match(/^VmRSS:\s+(\d+)/m)?.[1]);
  return { cpuMs: ticks * CLOCK_TICK_MS, rssMiB: rssKiB / 1024 };
}

/**
 * Returns the processor time of each running thread of a process so far, in ms, exact to some µs.
 *
 * @throws {Deno.errors.NotFound} when the process has ended
 */
export async function readThreadTimes(pid: number): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/task`)) {
    const nanoseconds =
      (await Deno.readTextFile(`/proc/${pid}/task/${name}/schedstat`)).split(" ")[0];
    times.set(name, Number(nanoseconds) / 1e6);
  }
  return times;
}

/** Processor time since boot, in ms, summed over all cores. */
interface ProcessorTimes {
  readonly totalMs: number;
  /** Time that the host gave to other virtual machines: figures are too high by that much. */
  readonly stolenMs: number;
}

/** Reads {@linkcode ProcessorTimes} from `/proc/stat`. */
export async function readProcessorTimes(): Promise<ProcessorTimes> {
  const stat = await Deno.readTextFile("/proc/stat");
  // cpu, user, nice, system, idle, iowait, irq, softirq, steal; the later fields are included in
  // these.
  const ticks = stat.slice(0, stat.indexOf("\n")).trim().split(/\s+/).slice(1, 9).map(Number);
  const total = ticks.reduce((sum, each) => sum + each, 0);
  return { totalMs: total * CLOCK_TICK_MS, stolenMs: ticks.at(-1)! * CLOCK_TICK_MS };
}

/** Returns the number of open descriptors of a process. */
export function countDescriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Decides on which cores processes run. */
export class Pinning {
  /** False with a single core, or without `taskset`. */
  readonly isOn: boolean;

  private constructor(isOn: boolean) {
    this.isOn = isOn;
  }

  /** Moves this process and its future children off the server's core. */
  static async start(): Promise<Pinning> {
    const cores = navigator.hardwareConcurrency;
    if (cores < 2 || await run("taskset", "--version") === null) {
      say("not pinned: needs two cores and taskset; figures will vary");
      return new Pinning(false);
    }
    await run("taskset", "-a", "-c", "-p", `1-${cores - 1}`, String(Deno.pid));
    return new Pinning(true);
  }

  /** Wraps a command so that it runs on the server's core, with the highest descriptor limit. */
  onServerCore(command: readonly string[]): [string, ...string[]] {
    return this.#on(SERVER_CORE, command);
  }

  /** Wraps a command so that it runs on all cores, including the load's. */
  onAllCores(command: readonly string[]): [string, ...string[]] {
    return this.#on(`0-${navigator.hardwareConcurrency - 1}`, command);
  }

  #on(cores: string, command: readonly string[]): [string, ...string[]] {
    const pinned = this.isOn ? ["taskset", "-c", cores, ...command] : command;
    return ["sh", "-c", 'ulimit -n "$(ulimit -Hn)"; exec "$@"', "sh", ...pinned];
  }
}

/** Where and when a run was measured. */
export interface MachineFacts {
  readonly date: string;
  readonly commit: string;
  readonly deno: string;
  readonly processor: string;
}

/** Returns the facts of this machine, and of the commit that is checked out. */
export async function describeMachine(): Promise<MachineFacts> {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo");
  const model = cpuInfo.match(/^model name\s*: (.*)$/m)?.[1] ?? "unknown processor";
  const commit = await run("git", "rev-parse", "--short", "HEAD") ?? "unknown";
  const changes = await run("git", "status", "--porcelain", "--", "lib", "main.ts");
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: changes === "" ? commit : `${commit}+`,
    deno: Deno.version.deno,
    processor: `${navigator.hardwareConcurrency} × ${model.replace(/\s+/g, " ")}`,
  };
}

/** Returns a command's output, or null when it is missing or fails. */
export async function run(program: string, ...args: string[]): Promise<string | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
    const text = new TextDecoder();
    return success ? (text.decode(stdout) || text.decode(stderr)).trim() : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
