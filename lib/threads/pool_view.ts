import type { Clock } from "../base/clock.ts";
import { mergeSnapshots } from "../monitor/merge_snapshots.ts";
import type { ServerSnapshot, ServerView } from "../monitor/server_view.ts";
import { type Ban, Bans } from "../server/bans.ts";
import { addMoves, type MoveCounts, type MoveSelector } from "../server/move_clients.ts";
import type { ToWorker } from "./worker_message.ts";
import type { Answer } from "./worker_questions.ts";

/** Options of {@linkcode PoolView}. */
interface PoolViewOptions {
  readonly clock: Clock;
  /** Asks all workers, and returns the answers of those that give one. */
  readonly askAll: (question: (id: number) => ToWorker) => Promise<readonly Answer[]>;
  /** Sends all workers a message that has no answer. */
  readonly tell: (message: ToWorker & { readonly type: "ban" | "lift" }) => void;
}

/**
 * The workers of a pool as one server. It keeps the bans, which each worker has as well: a worker
 * that replaces another one starts with them.
 */
export class PoolView implements ServerView {
  readonly #options: PoolViewOptions;
  readonly #bans: Bans;

  constructor(options: PoolViewOptions) {
    this.#options = options;
    this.#bans = new Bans(options.clock);
  }

  /** Returns the state of all workers, merged. */
  async snapshot(): Promise<ServerSnapshot> {
    const answers = await this.#options.askAll((id) => ({ type: "show", id }));
    const snapshots = answers.flatMap((each) => each.type === "shown" ? [each.snapshot] : []);
    if (snapshots.length === 0) throw new Error("No worker thread answers; restart the server");
    return mergeSnapshots(snapshots);
  }

  async kick(clientId: string): Promise<boolean> {
    const answers = await this.#options.askAll((id) => ({ type: "kick", id, clientId }));
    return answers.some((each) => each.type === "kicked" && each.isDone);
  }

  ban(bans: readonly Ban[]): Promise<void> {
    this.#bans.add(bans);
    this.#options.tell({ type: "ban", bans });
    return Promise.resolve();
  }

  lift(ip: string): Promise<boolean> {
    this.#options.tell({ type: "lift", ip });
    return Promise.resolve(this.#bans.lift(ip));
  }

  bans(): Promise<readonly Ban[]> {
    return Promise.resolve(this.bansNow);
  }

  /** The bans in force, newest first. */
  get bansNow(): readonly Ban[] {
    return this.#bans.list();
  }

  async move(selector: MoveSelector, target: string | null): Promise<MoveCounts> {
    const answers = await this.#options.askAll((id) => ({ type: "move", id, selector, target }));
    return addMoves(answers.flatMap((each) => each.type === "moved" ? [each.counts] : []));
  }
}
