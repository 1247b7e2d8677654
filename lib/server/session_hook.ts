import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { VhostConfig } from "../config/config.ts";
import type { HookClient } from "./hook_client.ts";
import type { HookVerdict } from "./http_hooks.ts";

/** What becomes of the records for one URL. */
interface Queue {
  readonly vhost: string;
  readonly url: string;
  readonly timeoutMs: number;
  /** The oldest first. */
  readonly records: Json[];
  /** A request is under way, or waits for {@linkcode cancelWait}. */
  isBusy: boolean;
  cancelWait: CancelTimer;
}

type Json = Readonly<Record<string, unknown>>;

/** Records are collected for this long, in ms. */
const COLLECT_MS = 1000;

/** Pause after a request that failed, in ms. */
const RETRY_MS = 10_000;

/** Most records in one request. */
const MAX_BATCH = 500;

/** Records kept for a URL that does not answer. */
const MAX_RECORDS = 10_000;

/**
 * Sends session records to the `on_session` callbacks of their vhosts, in order. What is not
 * answered with success is sent again, so a record may arrive twice. It is dropped when the HTTP
 * server refuses it, stays away for too long, or does not answer when this server stops.
 */
export class SessionHook {
  readonly #hooks: HookClient;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By vhost and URL. */
  readonly #queues = new Map<string, Queue>();
  #isClosed = false;

  constructor(hooks: HookClient, logger: Logger) {
    this.#hooks = hooks;
    this.#clock = hooks.clock;
    this.#logger = logger.for("hooks");
  }

  /** Takes a record of a vhost with these settings. */
  add({ name: vhost, httpHooks: { enabled, timeoutMs, urls } }: VhostConfig, record: Json): void {
    if (!enabled) return;
    for (const url of urls.on_session) {
      const key = `${vhost} ${url}`;
      const queue = this.#queues.get(key) ??
        { vhost, url, timeoutMs, records: [], isBusy: false, cancelWait: () => {} };
      this.#queues.set(key, queue);
      if (queue.records.push(record) > MAX_RECORDS) this.#drop(queue);
      if (!queue.isBusy) this.#wait(queue, COLLECT_MS);
    }
  }

  /** Sends what is left, once. {@linkcode HookClient.close} waits for that. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#queues.values()) {
      queue.cancelWait();
      if (queue.records.length > 0) this.#hooks.track(this.#send(queue).then(() => {}));
    }
  }

  #wait(queue: Queue, ms: number): void {
    queue.isBusy = true;
    queue.cancelWait = this.#clock.after(ms, () => void this.#step(queue));
  }

  async #step(queue: Queue): Promise<void> {
    const { type } = await this.#send(queue);
    queue.isBusy = false;
    if (queue.records.length > 0 && !this.#isClosed) {
      this.#wait(queue, type === "failed" ? RETRY_MS : 0);
    }
  }

  async #send({ vhost, url, timeoutMs, records }: Queue): Promise<HookVerdict> {
    const sessions = records.splice(0, MAX_BATCH);
    const batch = { action: "on_session", vhost, urls: [url], sessions, timeoutMs } as const;
    const verdict = await this.#hooks.sendBatch(batch);
    if (verdict.type === "failed") records.unshift(...sessions);
    return verdict;
  }

  #drop(queue: Queue): void {
    const lost = queue.records.splice(0, MAX_BATCH).length;
    this.#logger.error("Session records are lost: the HTTP server does not take them", {
      vhost: queue.vhost,
      count: lost,
      fix: "make the URL of on_session answer, or use session_log",
    });
  }
}
