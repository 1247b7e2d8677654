import { AddedForwards } from "../../lib/config/added_forwards.ts";
import type { DrainOrder, ReloadReport, ServerControl } from "../../lib/monitor/server_control.ts";

/** A change of each kind, and a warning. */
const APPLIED: ReloadReport = {
  type: "applied",
  applied: [{ path: "max_connections", from: "1000", to: "7", how: "live", note: "" }],
  needsRestart: [{ path: "workers", from: "1", to: "2", how: "restart", note: "is fixed" }],
  warnings: ["a.conf:1:1: warning: odd: correct it"],
  failures: [],
};

/** Records requests, and answers them all the same. */
export class FakeControl implements ServerControl {
  lastReload: ServerControl["lastReload"] = null;
  /** What is answered. */
  report = APPLIED;
  /** Causes of the reloads so far. */
  readonly reloads: string[] = [];

  /** Drains so far. */
  readonly drains: DrainOrder[] = [];

  readonly forwards = new AddedForwards();

  vhosts = () =>
    new Map([["__defaultVhost__", { mode: "local" as const }], ["edge", {
      mode: "remote" as const,
    }]]);

  drain(order: DrainOrder): void {
    this.drains.push(order);
  }

  reload(cause: string): Promise<ReloadReport> {
    this.reloads.push(cause);
    this.lastReload = { id: "r1", report: this.report };
    return Promise.resolve(this.report);
  }
}
