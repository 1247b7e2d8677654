import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { DrainRequest } from "../app/drain.ts";
import type { Service } from "../app/service.ts";
import type { Handover } from "./handover.ts";
import type { PidFile, PidFileWatcher } from "./pid_file.ts";
import type { ServiceManager } from "./service_manager.ts";

/** What a {@linkcode Succession} works with. */
interface SuccessionDeps {
  readonly server: Pick<Service, "drain" | "resume">;
  /** Null when there is none: then no process replaces this one. */
  readonly pidFile: Pick<PidFile, "watch" | "reclaim"> | null;
  readonly handover: Pick<Handover, "offer" | "withdraw">;
  readonly manager: Pick<ServiceManager, "status" | "handOver" | "takeBack">;
  readonly logger: Logger;
}

/**
 * What becomes of this process when another one takes its pid file, and with it its addresses.
 *
 * ```
 *            another process takes the pid file
 *   serving ────────────────────────────────────▶ replaced, draining ── drained ──▶ ended
 *      ▲                                             │          │
 *      └──────── that one dies, and none follows ────┘  drain() ▼
 *      │                                                told to end ── drained ──▶ ended
 *      └── drain() ──────────────────────────────────────▶ ▲
 * ```
 *
 * A process that stops gracefully removes the pid file: then no one is to listen.
 */
export class Succession implements Disposable, PidFileWatcher {
  readonly #deps: SuccessionDeps;
  readonly #logger: Logger;
  readonly #ended = Promise.withResolvers<void>();
  #stopWatching = () => {};
  #isReplaced = false;
  #isToldToEnd = false;

  constructor(deps: SuccessionDeps) {
    this.#deps = deps;
    this.#logger = deps.logger.for("edge");
  }

  /** Settles when the server is drained. Rejects when it cannot be. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Watches the pid file. */
  start(): void {
    this.#stopWatching = this.#deps.pidFile?.watch(this) ?? this.#stopWatching;
  }

  /** Drains; that another process dies changes nothing any longer. */
  drain(request: DrainRequest): void {
    this.#isToldToEnd = true;
    void this.#drain(request);
  }

  /** Called by the pid file. */
  onReplaced(pid: string): void {
    this.#isReplaced = true;
    this.#deps.manager.handOver(pid);
    const cause = `replaced by process ${pid}`;
    // One that drains already hands its streams over, too.
    void this.#deps.handover.offer().then(() =>
      this.#drain({ cause, target: null, timeoutMs: null, isReplaced: true })
    );
  }

  /** Called by the pid file. */
  onDied(pid: string): void {
    void this.#succeed(pid);
  }

  [Symbol.dispose](): void {
    this.#stopWatching();
  }

  async #drain(request: DrainRequest): Promise<void> {
    this.#deps.manager.status(`Draining: ${request.cause}`);
    try {
      if (await this.#deps.server.drain(request)) this.#ended.resolve();
    } catch (error) {
      this.#ended.reject(error);
    }
  }

  /** Takes the place of the process that had replaced this one. Never rejects. */
  async #succeed(pid: string): Promise<void> {
    const { server, pidFile, handover, manager } = this.#deps;
    if (this.#isToldToEnd) {
      return this.#logger.warning("The process that replaced this one died; no one listens", {
        pid,
        fix: "start the server again: this one was told to end",
      });
    }
    if (!await pidFile!.reclaim() || !this.#isReplaced) return;
    try {
      await server.resume();
      this.#isReplaced = false;
      handover.withdraw();
      manager.takeBack("Serving");
      this.#logger.warning("The process that replaced this one died; listening again", {
        pid,
        fix: "read its last lines, then replace again",
      });
    } catch (error) {
      this.#logger.error(
        `The process that replaced this one died; cannot listen: ${describeError(error)}`,
        { pid, fix: "stop the program that uses the port, then replace again" },
      );
    }
  }
}
