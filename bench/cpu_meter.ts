import { readThreadTimes, readUsage } from "./machine.ts";

/** Processor time and memory during a measurement. */
export interface CpuUse {
  /** Percent of one core. */
  readonly cpuPercent: number;
  /** Resident memory at the end, in MiB. */
  readonly rssMiB: number;
}

/** Measures how much of a core a process uses. */
export class CpuMeter {
  readonly #pid: number;
  readonly #before: ReadonlyMap<string, number>;
  readonly #fromMs = performance.now();

  private constructor(pid: number, before: ReadonlyMap<string, number>) {
    this.#pid = pid;
    this.#before = before;
  }

  /** Starts measuring. @throws {Deno.errors.NotFound} when there is no such process */
  static async start(pid: number): Promise<CpuMeter> {
    return new CpuMeter(pid, await readThreadTimes(pid));
  }

  /** Returns the use since the start. @throws {Deno.errors.NotFound} when the process has ended */
  async read(): Promise<CpuUse> {
    const times = await readThreadTimes(this.#pid);
    const elapsedMs = performance.now() - this.#fromMs;
    let cpuMs = 0;
    for (const [thread, ms] of times) cpuMs += ms - (this.#before.get(thread) ?? 0);
    const { rssMiB } = await readUsage(this.#pid);
    return { cpuPercent: cpuMs / elapsedMs * 100, rssMiB };
  }
}
