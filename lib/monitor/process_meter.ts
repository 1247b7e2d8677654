import type process from "node:process";
import type { MachineSnapshot, ProcessSnapshot } from "./server_view.ts";

/** Measures what the process uses: memory, and CPU time since the last sample. */
export class ProcessMeter {
  readonly #startedAtMs = Date.now();
  readonly #startMs: number;
  readonly #folder = Deno.cwd();
  /** Time and CPU time at the newest sample, in ms. */
  #sampledMs = 0;
  #busyMs = 0;
  #cpuShare = 0;

  /** @param nowMs Monotonic clock, in ms. */
  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  /** Begins to measure. Snapshots report no CPU share before the first sample. */
  start(nowMs: number): void {
    this.#sampledMs = nowMs;
    this.#busyMs = busyMs();
  }

  /** Takes a sample. Snapshots report the CPU share between the last two. */
  sample(nowMs: number): void {
    const nowBusyMs = busyMs();
    this.#cpuShare = (nowBusyMs - this.#busyMs) / Math.max(1, nowMs - this.#sampledMs);
    this.#busyMs = nowBusyMs;
    this.#sampledMs = nowMs;
  }

  /** Returns the state of the process. */
  snapshot(nowMs: number): ProcessSnapshot {
    const { rss, heapUsed } = Deno.memoryUsage();
    const { user, system } = cpuUsage();
    return {
      pid: Deno.pid,
      parentPid: Deno.ppid,
      folder: this.#folder,
      startedAtMs: this.#startedAtMs,
      uptimeMs: nowMs - this.#startMs,
      residentBytes: rss,
      heapBytes: heapUsed,
      userSeconds: user / 1e6,
      systemSeconds: system / 1e6,
      cpuShare: this.#cpuShare,
      machine: readMachine(),
      processors: navigator.hardwareConcurrency,
    };
  }
}

/** CPU time of the process, in ms. */
function busyMs(): number {
  const { user, system } = cpuUsage();
  return (user + system) / 1000;
}

/** Not imported: Node's `process` takes 2 MB, which a server without API does not need. */
function cpuUsage(): ReturnType<typeof process.cpuUsage> {
  return (globalThis as unknown as { readonly process: typeof process }).process.cpuUsage();
}

const UNKNOWN: MachineSnapshot = {
  ...{ memoryBytes: 0, freeBytes: 0, swapBytes: 0, freeSwapBytes: 0, uptimeSeconds: 0 },
  load: [0, 0, 0],
};

/** Asks the system; the permissions are part of `deno task start`. */
function readMachine(): MachineSnapshot {
  try {
    const { total, available, swapTotal, swapFree } = Deno.systemMemoryInfo();
    const [one = 0, five = 0, fifteen = 0] = Deno.loadavg();
    return {
      memoryBytes: total,
      freeBytes: available,
      swapBytes: swapTotal,
      freeSwapBytes: swapFree,
      load: [one, five, fifteen],
      uptimeSeconds: Deno.osUptime(),
    };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return UNKNOWN;
    throw error;
  }
}
