/** What a process takes of a core for some seconds. */

import { readUsage, type Usage } from "./machine.ts";

/** What was measured. */
export interface CpuUse {
  /** Of one core. */
  readonly cpuPercent: number;
  /** Resident memory at the end, in MiB. */
  readonly rssMiB: number;
}

/** See the file comment. */
export class CpuMeter {
  readonly #pid: number;
  readonly #before: Usage;
  readonly #fromMs = performance.now();

  private constructor(pid: number, before: Usage) {
    this.#pid = pid;
    this.#before = before;
  }

  /** Measures from now on. @throws {Deno.errors.NotFound} when there is no such process */
  static async start(pid: number): Promise<CpuMeter> {
    return new CpuMeter(pid, await readUsage(pid));
  }

  /** @returns what was measured so far. @throws {Deno.errors.NotFound} when the process has ended */
  async read(): Promise<CpuUse> {
    const { cpuMs, rssMiB } = await readUsage(this.#pid);
    const elapsedMs = performance.now() - this.#fromMs;
    return { cpuPercent: (cpuMs - this.#before.cpuMs) / elapsedMs * 100, rssMiB };
  }
}
