/**
 * Talks to the HTTP servers of `http_hooks`: the one place that makes HTTP requests. An answer that is
 * missing, late or odd counts as no, and is told in the log with its fix, once in a while.
 */

import { concatBytes, decodeUtf8 } from "../base/bytes.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { VERSION } from "../base/version.ts";
import type { HookAction } from "../config/config.ts";
import {
  ALLOWED,
  failure,
  type HookPayload,
  type HookServer,
  type HookVerdict,
  judgeAnswer,
} from "./http_hooks.ts";

/** `fetch`, as far as it is needed here. */
export type HookFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of {@linkcode HookClient}. */
export interface HookClientOptions {
  readonly server: HookServer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The runtime's own unless given. */
  readonly hookFetch?: HookFetch;
}

/** One event for one or more HTTP servers. */
export interface HookCall {
  readonly action: HookAction;
  readonly urls: readonly string[];
  readonly payload: HookPayload;
  readonly deadline: HookDeadline;
}

/** Failures of one URL that no line has told. */
interface Trouble {
  toldMs: number;
  untold: number;
}

/** Longest answer that is read, in bytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** A callback that fails is told this often, in ms. */
const TELL_PERIOD_MS = 10_000;

const HEADERS = {
  "content-type": "application/json",
  "user-agent": `edge/${VERSION}`,
  // A connection that is kept may be closed by the server just when the next client comes, who would pay.
  "connection": "close",
};

/** When nobody waits for the answers about an event any more. Begins when it is made; end it. */
export class HookDeadline {
  readonly #abort = new AbortController();
  readonly #cancelTimer: CancelTimer;
  #isCancelled = false;

  constructor(clock: Clock, timeoutMs: number) {
    const reason = new Error(`it did not answer within ${timeoutMs} ms`);
    this.#cancelTimer = clock.after(timeoutMs, () => this.#abort.abort(reason));
  }

  /** Aborts when the time is over, with an error that says so, and when the event was cancelled. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whoever it was about has left. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Nobody is interested any more. Harmless when repeated or late. */
  cancel(): void {
    this.#isCancelled = true;
    this.end();
    this.#abort.abort();
  }

  /** The answers are there. */
  end(): void {
    this.#cancelTimer();
  }
}

/** See the file comment. */
export class HookClient {
  readonly server: HookServer;
  readonly clock: Clock;
  readonly #logger: Logger;
  readonly #fetch: HookFetch;
  /** By action and URL, which are few: both are configured. */
  readonly #troubles = new Map<string, Trouble>();
  readonly #tasks = new Set<Promise<void>>();

  constructor({ server, clock, logger, hookFetch = fetch }: HookClientOptions) {
    this.server = server;
    this.clock = clock;
    this.#logger = logger.for("hooks");
    this.#fetch = hookFetch;
  }

  /** Asks one URL after the other until one does not allow. Never rejects. */
  async ask(call: HookCall): Promise<HookVerdict> {
    for (const url of call.urls) {
      const verdict = await this.#post(url, call);
      if (verdict.type !== "allowed") return verdict;
    }
    return ALLOWED;
  }

  /** Reports to all URLs, one after the other; their answers do not matter. Never rejects. */
  async report(call: HookCall): Promise<void> {
    for (const url of call.urls) await this.#post(url, call);
  }

  /** Remembers work that {@linkcode HookClient.close} waits for. It must not reject. */
  track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  /** Settles when what was tracked is done, which the deadlines see to. */
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
          "make the HTTP server answer sooner, or raise timeout in http_hooks",
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

  async #exchange(url: string, { payload, deadline }: HookCall): Promise<HookVerdict> {
    const response = await this.#fetch(url, {
      method: "POST",
      headers: HEADERS,
      body: JSON.stringify(payload),
      redirect: "manual",
      signal: deadline.signal,
    });
    const body = await readAnswer(response);
    if (body !== null) return judgeAnswer(response.status, body);
    return failure(
      `it answered with more than ${MAX_ANSWER_BYTES} bytes`,
      'let it answer 0, or {"code": 0}',
    );
  }

  /** A line for the first failure of a URL, then one for all of a while. */
  #logFailure(url: string, { action }: HookCall, verdict: HookVerdict & { type: "failed" }): void {
    const key = `${action} ${url}`;
    const nowMs = this.clock.now();
    const trouble = this.#troubles.get(key) ?? { toldMs: -Infinity, untold: 0 };
    this.#troubles.set(key, trouble);
    trouble.untold++;
    if (nowMs - trouble.toldMs < TELL_PERIOD_MS) return;
    this.#logger.warning(`Callback ${action} failed: ${verdict.reason}`, {
      url: withoutSecrets(url),
      detail: verdict.detail,
      count: trouble.untold,
      fix: verdict.fix,
    });
    trouble.toldMs = nowMs;
    trouble.untold = 0;
  }
}

/** Rejects when the signal aborts: an HTTP client that does not heed it must not keep a client waiting. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** @returns null when the body is too long; the rest of it is not read. */
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

/** The cause without the URL that the runtime puts before it: its query may be a password. */
function detailOf(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const detail = describeError(cause).split("): ").at(-1)!;
  return detail.includes("://") ? "" : detail;
}

function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}
