import { AddedForwards } from "../../lib/config/added_forwards.ts";
import type { ForwardDestination } from "../../lib/config/forward_config.ts";
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

  /** In the configuration of the origin vhost. */
  destinations: readonly ForwardDestination[] = [];

  vhosts = () => {
    const forward = { enabled: true, destinations: this.destinations, backend: [] };
    return new Map([
      ["__defaultVhost__", { mode: "local" as const, forward }],
      ["edge", { mode: "remote" as const, forward }],
    ]);
  };

  drain(order: DrainOrder): void {
    this.drains.push(order);
  }

  reload(cause: string): Promise<ReloadReport> {
    this.reloads.push(cause);
    this.lastReload = { id: "r1", report: this.report };
    return Promise.resolve(this.report);
  }
}
