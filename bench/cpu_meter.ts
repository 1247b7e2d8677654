/**
 * What a process takes of a core for some seconds: all in all, and in a quiet second, which is the one that
 * a quarter of all seconds stay below. A host that lets other guests run makes some seconds in a row many
 * times as dear, which shows in their mean and at times in their median.
 */

import { readUsage, type Usage } from "./machine.ts";

const SAMPLE_EVERY_MS = 1_000;

/** What was measured. */
export interface CpuUse {
  /** Of one core. */
  readonly cpuPercent: number;
  /** The same in a quiet second; NaN when less than a second was measured. */
  readonly quietPercent: number;
  /** Resident memory at the end, in MiB. */
  readonly rssMiB: number;
}

/** See the file comment. */
export class CpuMeter implements Disposable {
  readonly #pid: number;
  readonly #before: Usage;
  readonly #fromMs = performance.now();
  /** Percent of a core, second by second. */
  readonly #seconds: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #sample: Sample | null;

  private constructor(pid: number, before: Usage) {
    this.#pid = pid;
    this.#before = before;
    this.#sample = sampleOf(pid);
    this.#timer = setInterval(() => this.#next(), SAMPLE_EVERY_MS);
  }

  /** Measures from now on. @throws {Deno.errors.NotFound} when there is no such process */
  static async start(pid: number): Promise<CpuMeter> {
    return new CpuMeter(pid, await readUsage(pid));
  }

  /** @returns what was measured so far. @throws {Deno.errors.NotFound} when the process has ended */
  async read(): Promise<CpuUse> {
    const { cpuMs, rssMiB } = await readUsage(this.#pid);
    const elapsedMs = performance.now() - this.#fromMs;
    const sorted = this.#seconds.toSorted((a, b) => a - b);
    return {
      cpuPercent: (cpuMs - this.#before.cpuMs) / elapsedMs * 100,
      quietPercent: sorted[Math.round((sorted.length - 1) / 4)] ?? NaN,
      rssMiB,
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #next(): void {
    const before = this.#sample;
    const now = sampleOf(this.#pid);
    if (before !== null && now !== null) {
      this.#seconds.push((now.cpuMs - before.cpuMs) / (now.ms - before.ms) * 100);
    }
    this.#sample = now;
  }
}

interface Sample {
  /** When it was taken. */
  readonly ms: number;
  /** Processor time so far of all threads that are there. */
  readonly cpuMs: number;
}

/**
 * Not `/proc/PID/stat`, which counts in steps of 10 ms. @returns null when the process, or a thread between
 * listing and reading it, has ended
 */
function sampleOf(pid: number): Sample | null {
  const folder = `/proc/${pid}/task`;
  let nanoseconds = 0;
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      nanoseconds += Number(Deno.readTextFileSync(`${folder}/${name}/schedstat`).split(" ")[0]);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  return { ms: performance.now(), cpuMs: nanoseconds / 1e6 };
}
