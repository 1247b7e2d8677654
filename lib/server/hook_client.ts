import { concatBytes, decodeUtf8 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { VERSION } from "../base/version.ts";
import type { HookAction, HookFormat } from "../config/config.ts";
import { judgeStatus } from "./form_hooks.ts";
import { HookDeadline } from "./hook_deadline.ts";
import {
  ALLOWED,
  failure,
  type HookBatch,
  type HookPayload,
  type HookServer,
  type HookVerdict,
  judgeAnswer,
} from "./http_hooks.ts";

/** The part of `fetch` that is used here. */
export type HookFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of {@linkcode HookClient}. */
interface HookClientOptions {
  readonly server: HookServer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** By default the runtime's `fetch`. */
  readonly hookFetch?: HookFetch;
}

/** One event, for one or more HTTP servers. */
interface HookCall {
  readonly action: HookAction | "on_forward";
  readonly urls: readonly string[];
  readonly payload: HookPayload | HookBatch;
  /** By default `json`. */
  readonly format?: HookFormat;
  readonly deadline: HookDeadline;
  /** Receives each answer that allows. */
  readonly onAllowed?: (body: string) => void;
}

/** One event about several sessions, for one or more HTTP servers. */
type HookBatchCall = Pick<HookBatch, "action" | "vhost" | "sessions"> & {
  readonly urls: readonly string[];
  readonly timeoutMs: number;
};

/** Failures of one URL. */
interface Failures {
  lastLoggedMs: number;
  /** Failures since then. */
  count: number;
}

/** Longest answer, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Failures of a URL are logged at most once in this time. */
const LOG_PERIOD_MS = 10_000;

const CONTENT_TYPES = { json: "application/json", form: "application/x-www-form-urlencoded" };

const HEADERS = {
  "user-agent": `edge/${VERSION}`,
  // The server may close a kept connection just as the next request goes out, which then fails.
  "connection": "close",
};

/**
 * Calls the HTTP servers of `http_hooks`; nothing else below `app` makes HTTP requests. An answer
 * that is missing, late or unclear counts as a refusal, and is logged with its fix, once in a while
 * for each URL.
 */
export class HookClient {
  readonly server: HookServer;
  readonly clock: Clock;
  /** Requests that failed since the start, by callback; without those that never did. */
  readonly failureCounts: Partial<Record<HookCall["action"], number>> = {};
  readonly #logger: Logger;
  readonly #fetch: HookFetch;
  /** By action and URL: both are configured, so there are few. */
  readonly #failures = new Map<string, Failures>();
  readonly #tasks = new Set<Promise<void>>();

  constructor({ server, clock, logger, hookFetch = fetch }: HookClientOptions) {
    this.server = server;
    this.clock = clock;
    this.#logger = logger.for("hooks");
    this.#fetch = hookFetch;
  }

  /** Asks the URLs in order until one does not allow. Never rejects. */
  async ask(call: HookCall): Promise<HookVerdict> {
    for (const url of call.urls) {
      const verdict = await this.#post(url, call);
      if (verdict.type !== "allowed") return verdict;
    }
    return ALLOWED;
  }

  /** Reports to the URLs in order; their answers do not matter. Never rejects. */
  async report(call: HookCall): Promise<void> {
    for (const url of call.urls) await this.#post(url, call);
  }

  /**
   * Reports several sessions of a vhost to the URLs in order, as one JSON object. Never rejects.
   *
   * @returns the answer of the last URL
   */
  async sendBatch({ urls, timeoutMs, ...batch }: HookBatchCall): Promise<HookVerdict> {
    const { serverId, serviceId } = this.server;
    const payload: HookBatch = { "server_id": serverId, "service_id": serviceId, ...batch };
    const deadline = new HookDeadline(this.clock, timeoutMs);
    deadline.start();
    let verdict: HookVerdict = ALLOWED;
    for (const url of urls) {
      verdict = await this.#post(url, { action: batch.action, urls, payload, deadline });
    }
    deadline.end();
    return verdict;
  }

  /** Makes {@linkcode close} wait for `task`, which must not reject. */
  track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  /** Settles when all tracked tasks are done. Their deadlines bound the time. */
  async close(): Promise<void> {
    await Promise.all(this.#tasks);
  }

  async #post(url: string, call: HookCall): Promise<HookVerdict> {
    const { signal } = call.deadline;
    let verdict: HookVerdict;
    try {
      signal.throwIfAborted();
      verdict = await Promise.race([this.#exchange(url, call), untilAborted(signal)]);
    } catch (error) {
      verdict = signal.aborted
        ? failure(
          describeError(signal.reason),
          "make the HTTP server answer faster, or raise timeout in http_hooks",
        )
        : failure(
          "it cannot be reached",
          "start the HTTP server, or correct its URL in http_hooks",
          detailOf(error),
        );
    }
    if (verdict.type === "failed" && !call.deadline.isCancelled) {
      this.#logFailure(url, call, verdict);
    }
    return verdict;
  }

  async #exchange(url: string, call: HookCall): Promise<HookVerdict> {
    const { payload, format = "json", deadline, onAllowed } = call;
    const response = await this.#fetch(url, {
      method: "POST",
      headers: { "content-type": CONTENT_TYPES[format], ...HEADERS },
      body: format === "json" ? JSON.stringify(payload) : formOf(payload),
      redirect: "manual",
      signal: deadline.signal,
    });
    const body = await readAnswer(response);
    if (body !== null) {
      const { status } = response;
      const verdict = format === "json" ? judgeAnswer(status, body) : judgeStatus(status);
      if (verdict.type === "allowed") onAllowed?.(body);
      return verdict;
    }
    return failure(
      `it answered with more than ${MAX_ANSWER_BYTES} bytes`,
      'make it answer 0, or {"code": 0}',
    );
  }

  /** Logs the first failure of a URL at once, later ones together once per period. */
  #logFailure(url: string, { action }: HookCall, verdict: HookVerdict & { type: "failed" }): void {
    this.failureCounts[action] = (this.failureCounts[action] ?? 0) + 1;
    const key = `${action} ${url}`;
    const nowMs = this.clock.now();
    const failures = this.#failures.get(key) ?? { lastLoggedMs: -Infinity, count: 0 };
    this.#failures.set(key, failures);
    failures.count++;
    if (nowMs - failures.lastLoggedMs < LOG_PERIOD_MS) return;
    this.#logger.warning(`Callback ${action} failed: ${verdict.reason}`, {
      url: withoutSecrets(url),
      detail: verdict.detail,
      count: failures.count,
      fix: verdict.fix,
    });
    failures.lastLoggedMs = nowMs;
    failures.count = 0;
  }
}

function formOf(payload: HookPayload | HookBatch): string {
  const fields = Object.entries(payload).map(([name, value]) => [name, String(value)]);
  return new URLSearchParams(fields).toString();
}

/** Rejects when the signal aborts: a `fetch` that ignores it must not keep a client waiting. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** @returns null when the body is too long; the rest is not read. */
async function readAnswer({ body }: Response): Promise<string | null> {
  if (body === null) return "";
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > MAX_ANSWER_BYTES) return null;
    parts.push(part);
  }
  return decodeUtf8(concatBytes(parts));
}

/** The cause, without the URL that the runtime puts before it: its query may hold a password. */
function detailOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const detail = describeError(cause).split("): ").at(-1)!;
  return detail.includes("://") ? "" : detail;
}

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
