/** What the process takes of the machine. */

import process from "node:process";
import type { ProcessSnapshot } from "./server_view.ts";

/** See the file comment. */
export class ProcessMeter {
  readonly #startedAtMs = Date.now();
  readonly #startMs: number;
  /** Time and processor time at the newest sample, in ms. */
  #sampledMs: number;
  #busyMs: number;
  #cpuShare = 0;

  /** @param nowMs Monotone clock. */
  constructor(nowMs: number) {
    this.#startMs = nowMs;
    this.#sampledMs = nowMs;
    this.#busyMs = busyMs();
  }

  /** The processor share that is told is that between the last two samples. */
  sample(nowMs: number): void {
    const nowBusyMs = busyMs();
    this.#cpuShare = (nowBusyMs - this.#busyMs) / Math.max(1, nowMs - this.#sampledMs);
    this.#busyMs = nowBusyMs;
    this.#sampledMs = nowMs;
  }

  snapshot(nowMs: number): ProcessSnapshot {
    const { rss, heapUsed } = Deno.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      pid: Deno.pid,
      startedAtMs: this.#startedAtMs,
      uptimeMs: nowMs - this.#startMs,
      residentBytes: rss,
      heapBytes: heapUsed,
      userSeconds: user / 1e6,
      systemSeconds: system / 1e6,
      cpuShare: this.#cpuShare,
      processors: navigator.hardwareConcurrency,
    };
  }
}

/** Processor time that the process has used. */
function busyMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
