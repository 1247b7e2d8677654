/**
 * What a process takes in a quiet second: the one that a quarter of all seconds stay below. A host that
 * lets other guests run makes some seconds in a row many times as dear, which shows in their mean and at
 * times in their median.
 */

const SAMPLE_EVERY_MS = 1_000;

/** See the file comment. */
export class CpuSeconds {
  readonly #pid: number;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #percents: number[] = [];
  #before: Sample;

  /** Samples from now on. @throws {Deno.errors.NotFound} when there is no such process */
  constructor(pid: number) {
    this.#pid = pid;
    this.#before = sampleOf(pid);
    this.#timer = setInterval(() => this.#sample(), SAMPLE_EVERY_MS);
  }

  /** Ends. @returns a quiet second's processor time in percent of one core; NaN after less than a second */
  stop(): number {
    clearInterval(this.#timer);
    const sorted = this.#percents.toSorted((a, b) => a - b);
    return sorted[Math.round((sorted.length - 1) / 4)] ?? NaN;
  }

  #sample(): void {
    const now = sampleOf(this.#pid);
    this.#percents.push((now.cpuMs - this.#before.cpuMs) / (now.ms - this.#before.ms) * 100);
    this.#before = now;
  }
}

interface Sample {
  /** When it was taken. */
  readonly ms: number;
  /** Processor time so far of all threads that are there. */
  readonly cpuMs: number;
}

/** Not `/proc/PID/stat`, which counts in steps of 10 ms. */
function sampleOf(pid: number): Sample {
  const folder = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const { name } of Deno.readDirSync(folder)) {
    try {
      nanoseconds += Number(Deno.readTextFileSync(`${folder}/${name}/schedstat`).split(" ")[0]);
    } catch (error) {
      // The thread has ended since the folder was read.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return { ms: performance.now(), cpuMs: nanoseconds / 1e6 };
}
