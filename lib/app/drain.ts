import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { DrainConfig } from "../config/drain_config.ts";
import type { DrainCounts, DrainPhase, DrainSnapshot } from "../monitor/server_view.ts";
import type { DrainOrder } from "../monitor/server_control.ts";
import type { MoveCounts, MoveSelector } from "../server/move_clients.ts";

/** What to drain, and where to. */
export interface DrainRequest extends DrainOrder {
  /** Another process listens on the same addresses, so these close at once, the API's first. */
  readonly isReplaced: boolean;
}

/** A server that can be drained. */
export interface Drainable {
  /** Accepts what waits in the listeners, then closes them; those of the API only if `andApi`. */
  finishListening(andApi: boolean): Promise<void>;
  /** As `ServerView.move`. */
  move(selector: MoveSelector, target: string | null): Promise<MoveCounts>;
  countClients(): Promise<DrainCounts>;
}

/** What a {@linkcode Drain} works with. */
interface DrainDeps {
  readonly server: Drainable;
  readonly request: DrainRequest;
  readonly settings: DrainConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Time between two looks at the clients that are left. */
const CHECK_MS = 100;

/** Players are asked to move this long after publishers, unless these have moved before. */
const PUBLISHERS_FIRST_MS = 1_000;

/** Time between two requests to clients that are new. */
const ASK_AGAIN_MS = 1_000;

/** Shortest time between two log lines; without news there is none. */
const PROGRESS_MS = 10_000;

/**
 * Empties a server before it stops.
 *
 * ```
 *   accepting ── grace_start_wait ──▶ closing listeners ── what waited is accepted ──▶
 *   moving publishers ── moved, or 1 s ──▶ moving players ──▶ waiting ── all have left ──▶
 *   empty ── grace_final_wait ──▶ drained
 *
 *   any of these ── drain_timeout, or stop() ──▶ drained
 *   any of these ── cancel() ──▶ cancelled
 * ```
 *
 * Publishers move first, so that the other server has their streams when players ask for them.
 * Clients that cannot move are served until they leave or `drain_timeout` has passed.
 */
export class Drain {
  readonly #deps: DrainDeps;
  readonly #startMs: number;
  readonly #timeoutMs: number;
  readonly #ended = Promise.withResolvers<boolean>();
  readonly #timers = new Set<CancelTimer>();
  #phase: DrainPhase = "accepting";
  #isOver = false;
  #clients: DrainCounts = { connections: 0, players: 0, publishers: 0, viewers: 0 };
  #asked = 0;
  #askedMs: number;
  #loggedMs = -Infinity;
  /** What the newest line about the progress says. */
  #logged = "";

  constructor(deps: DrainDeps) {
    const { request, settings, clock } = deps;
    this.#deps = deps;
    this.#startMs = clock.now();
    this.#askedMs = this.#startMs;
    this.#timeoutMs = request.timeoutMs ?? settings.timeoutMs;
  }

  get snapshot(): DrainSnapshot {
    const elapsedMs = this.#deps.clock.now() - this.#startMs;
    return {
      phase: this.#phase,
      cause: this.#deps.request.cause,
      elapsedMs,
      remainingMs: Math.max(0, this.#timeoutMs - elapsedMs),
      clients: this.#clients,
      asked: this.#asked,
    };
  }

  /** As {@linkcode ended}. Called once. */
  async run(): Promise<boolean> {
    const { request, logger } = this.#deps;
    const { cause, target } = request;
    this.#clients = await this.#deps.server.countClients();
    logger.info("Draining: waiting for clients to leave", {
      cause,
      ...this.#clients,
      to: target === null ? undefined : target.replace(/[?#].*$/, ""),
      timeout_s: Math.round(this.#timeoutMs / 1000),
    });
    this.#after(this.#timeoutMs, () => this.#end("timeout"));
    this.#empty().catch((error) => this.#ended.reject(error));
    return await this.ended;
  }

  /** Settles when the server is drained, or with false when it serves on. */
  get ended(): Promise<boolean> {
    return this.#ended.promise;
  }

  /** Ends at once: the server stops. Harmless when repeated. */
  stop(): void {
    this.#end("stopped");
  }

  /** The server listens again and serves on. */
  cancel(): void {
    if (!this.#finish()) return;
    this.#deps.logger.info("Drain cancelled", { ...this.#clients, asked: this.#asked });
    this.#ended.resolve(false);
  }

  async #empty(): Promise<void> {
    const { server, request: { isReplaced }, settings } = this.#deps;
    if (!isReplaced) await this.#waitFor(settings.startWaitMs, () => false);
    this.#enter("closing listeners");
    await server.finishListening(isReplaced);
    this.#enter("moving publishers");
    const { unable } = await this.#ask({ action: "publish", isNew: true });
    await this.#waitFor(PUBLISHERS_FIRST_MS, ({ publishers }) => publishers <= unable);
    this.#enter("moving players");
    await this.#ask({ isNew: true });
    this.#enter("waiting");
    await this.#waitFor(Infinity, ({ connections, viewers }) => connections + viewers === 0);
    this.#enter("empty");
    await this.#waitFor(settings.finalWaitMs, () => false);
    this.#end("empty");
  }

  #enter(phase: DrainPhase): void {
    if (!this.#isOver) this.#phase = phase;
  }

  async #ask(selector: MoveSelector): Promise<MoveCounts> {
    const { server, request: { target } } = this.#deps;
    const counts = await server.move(selector, target);
    this.#asked += counts.asked;
    return counts;
  }

  /** Settles after `maxMs`, or when `isDone`. Never once the drain has ended. */
  async #waitFor(maxMs: number, isDone: (clients: DrainCounts) => boolean): Promise<void> {
    const { clock } = this.#deps;
    const endMs = clock.now() + maxMs;
    while (true) {
      await this.#check();
      if (isDone(this.#clients)) return;
      const leftMs = endMs - clock.now();
      if (leftMs <= 0) return;
      await new Promise<void>((resolve) => this.#after(Math.min(CHECK_MS, leftMs), resolve));
    }
  }

  async #check(): Promise<void> {
    const { server, clock } = this.#deps;
    this.#clients = await server.countClients();
    const nowMs = clock.now();
    if (this.#isOver || nowMs - this.#askedMs < ASK_AGAIN_MS) return;
    this.#askedMs = nowMs;
    this.#logProgress(nowMs);
    // Those that were accepted last, and those that found no other server before.
    if (this.#phase === "waiting") await this.#ask({ isNew: true });
  }

  #logProgress(nowMs: number): void {
    const { remainingMs, phase, asked } = this.snapshot;
    const news = JSON.stringify([phase, asked, this.#clients]);
    if (news === this.#logged || nowMs - this.#loggedMs < PROGRESS_MS) return;
    this.#logged = news;
    this.#loggedMs = nowMs;
    this.#deps.logger.info(`Draining: ${phase}`, {
      ...this.#clients,
      asked,
      remaining_s: Math.round(remainingMs / 1000),
    });
  }

  #end(why: "empty" | "timeout" | "stopped"): void {
    if (!this.#finish()) return;
    this.#phase = "drained";
    const seconds = Number(((this.#deps.clock.now() - this.#startMs) / 1000).toFixed(1));
    const { connections, viewers } = this.#clients;
    const left = connections + viewers;
    if (why === "timeout" && left > 0) {
      this.#deps.logger.warning("Drained: closing the clients that are left", {
        left,
        seconds,
        fix: "raise drain_timeout if they may stay longer",
      });
    } else {
      this.#deps.logger.info(`Drained: ${why}`, { left, seconds });
    }
    this.#ended.resolve(true);
  }

  /** @returns false when it is over already. */
  #finish(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    return true;
  }

  #after(delayMs: number, run: () => void): void {
    const cancel = this.#deps.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }
}
