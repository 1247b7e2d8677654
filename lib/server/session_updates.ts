import type { CancelTimer } from "../base/clock.ts";
import type { HttpHooksConfig } from "../config/config.ts";
import type { StreamAction } from "./access_rules.ts";
import type { ClientReport, ClientSource } from "./client_report.ts";
import type { HookClient } from "./hook_client.ts";
import type { HookPayload, HookPlace, HookVerdict, UpdateEvent } from "./http_hooks.ts";

/** A client that plays or publishes with the consent of callbacks. */
export interface HookedSession {
  /** The client's id. */
  readonly id: string;
  readonly doing: StreamAction;
  readonly place: HookPlace;
  /** The event as a JSON object. */
  payloadOf(event: UpdateEvent): HookPayload;
  /** Asks the URLs of the event, after what is queued about the client. */
  ask(event: UpdateEvent): Promise<HookVerdict>;
}

/** Options of {@linkcode SessionUpdates}. */
interface SessionUpdatesOptions {
  readonly hooks: HookClient;
  /** Whose clients are reported. */
  readonly clients: readonly ClientSource[];
}

/** When a session is reported. */
interface Schedule {
  readonly sinceMs: number;
  /** Part of the interval by which its first report is early, so that a crowd is spread. */
  readonly phase: number;
  /** Intervals that are over. */
  count: number;
}

/** How often due sessions are looked for, in ms. */
const PERIOD_MS = 1000;

/** Most sessions in one request. */
const MAX_BATCH = 500;

/** Requests about single clients that are under way at a time. */
const MAX_CALLS = 16;

/** Successive multiples of it, without their whole part, are spread evenly. */
const GOLDEN_RATIO = 0.618034;

/**
 * Reports clients that play or publish to the `on_update` callbacks of their vhosts, each once per
 * `update_interval`. Those that are due within a second share a request of SRS's format. In that of
 * nginx-rtmp each has its own, and one that is refused is closed, as there.
 *
 * An HTTP server that is slow gets fewer reports, not more requests at a time.
 */
export class SessionUpdates {
  readonly #options: SessionUpdatesOptions;
  readonly #sessions = new Map<HookedSession, Schedule>();
  /** Vhosts whose last batch is not answered. */
  readonly #busyVhosts = new Set<string>();
  #callCount = 0;
  #addedCount = 0;
  #cancelTimer: CancelTimer | null = null;

  constructor(options: SessionUpdatesOptions) {
    this.#options = options;
  }

  /** The session begins. */
  add(session: HookedSession): void {
    const phase = (++this.#addedCount * GOLDEN_RATIO) % 1;
    const sinceMs = this.#options.hooks.clock.now();
    this.#sessions.set(session, { sinceMs, phase, count: 0 });
    this.#cancelTimer ??= this.#schedule();
  }

  /** The session is over. Harmless when repeated. */
  remove(session: HookedSession): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #schedule(): CancelTimer {
    return this.#options.hooks.clock.after(PERIOD_MS, () => {
      this.#cancelTimer = this.#schedule();
      this.#report();
    });
  }

  #report(): void {
    const due = this.#due();
    if (due.length === 0) return;
    const reports = this.#reportsOf(new Set(due.map(({ id }) => id)));
    const batches = new Map<string, { session: HookedSession; report: ClientReport }[]>();
    for (const session of due) {
      const report = reports.get(session.id);
      if (report === undefined) continue;
      const { name, httpHooks: { format } } = session.place.vhost.config;
      if (format === "form") this.#call(session, report);
      else batches.set(name, [...batches.get(name) ?? [], { session, report }]);
    }
    for (const [vhost, batch] of batches) this.#send(vhost, batch);
  }

  /** The sessions to report now; those of busy HTTP servers are due again in a second. */
  #due(): HookedSession[] {
    const nowMs = this.#options.hooks.clock.now();
    const batchSizes = new Map<string, number>();
    let callCount = this.#callCount;
    const due: HookedSession[] = [];
    for (const [session, schedule] of this.#sessions) {
      const { name, httpHooks } = session.place.vhost.config;
      if (!isWanted(httpHooks)) continue;
      const { sinceMs, phase } = schedule;
      const count = Math.floor((nowMs - sinceMs) / httpHooks.updateMs + phase);
      if (count <= schedule.count) continue;
      if (httpHooks.format === "form") {
        if (callCount >= MAX_CALLS) continue;
        callCount++;
      } else {
        const size = batchSizes.get(name) ?? 0;
        if (this.#busyVhosts.has(name) || size >= MAX_BATCH) continue;
        batchSizes.set(name, size + 1);
      }
      schedule.count = count;
      due.push(session);
    }
    return due;
  }

  #reportsOf(ids: ReadonlySet<string>): ReadonlyMap<string, ClientReport> {
    const { hooks, clients } = this.#options;
    const nowMs = hooks.clock.now();
    const reports = clients.flatMap((source) => source.clientReports(nowMs, ids));
    return new Map(reports.map((report) => [report.id, report]));
  }

  #call(session: HookedSession, report: ClientReport): void {
    this.#callCount++;
    void session.ask(eventOf(session, report)).then((verdict) => {
      this.#callCount--;
      if (verdict.type !== "refused" || !this.#sessions.has(session)) return;
      const reason = `callback on_update refuses: ${verdict.reason}`;
      this.#options.clients.some((source) => source.kick(session.id, reason));
    });
  }

  #send(
    vhost: string,
    due: readonly { readonly session: HookedSession; readonly report: ClientReport }[],
  ): void {
    const { hooks } = this.#options;
    const { timeoutMs, urls } = due[0]!.session.place.vhost.config.httpHooks;
    const sessions = due.map(({ session, report }) => session.payloadOf(eventOf(session, report)));
    this.#busyVhosts.add(vhost);
    const batch = {
      action: "on_update",
      vhost,
      urls: urls.on_update,
      sessions,
      timeoutMs,
    } as const;
    hooks.track(hooks.sendBatch(batch).then(() => void this.#busyVhosts.delete(vhost)));
  }
}

function isWanted({ enabled, urls }: HttpHooksConfig): boolean {
  return enabled && urls.on_update.length > 0;
}

function eventOf({ doing }: HookedSession, report: ClientReport): UpdateEvent {
  const { ageMs, sentBytes, receivedBytes } = report;
  const seconds = Math.round(ageMs) / 1000;
  return { action: "on_update", doing, seconds, sentBytes, receivedBytes };
}
