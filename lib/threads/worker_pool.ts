import { type CancelTimer, type Clock, systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { DrainCounts, ServerView } from "../monitor/server_view.ts";
import { PoolView } from "./pool_view.ts";
import {
  addressesOf,
  type OpenListeners,
  prepareConfig,
  type PreparedConfig,
  type WorkerAddresses,
} from "./prepare_config.ts";
import type { FromWorker, PeerPort, ToWorker } from "./worker_message.ts";
import { type Answer, applyFailureOf, WorkerQuestions } from "./worker_questions.ts";
import { createThread, post } from "./worker_thread.ts";

/** Options of {@linkcode startWorkers}. */
interface WorkerPoolOptions {
  readonly config: Config;
  /** 2 or more. */
  readonly count: number;
  readonly logger: Logger;
  /** Another server listens on the same addresses, and will stop. */
  readonly isReplacing?: boolean;
  /** Creates a thread; replaced by tests. */
  readonly createWorker?: () => Worker;
  /** The system's clock by default. */
  readonly clock?: Clock;
}

/** Pause before a dead worker is replaced, in ms, so that one that dies at once does not spin. */
const REPLACE_PAUSE_MS = 500;

/** How long the workers may take to end pushes and close, in ms. */
const STOP_TIMEOUT_MS = 10_000;

/** Time between two pings of a worker, in ms. */
const PING_PERIOD_MS = 2_000;

/**
 * A worker that leaves this many pings in a row unanswered hangs. Pings are counted rather than
 * time, so that a pause of the whole process does not look like it.
 */
const MAX_MISSED_PINGS = 5;

/** A worker that missed this many pings is not asked: its answer would come late. */
const SILENT_PINGS = 2;

/** How long the API waits for a worker, in ms. */
const ANSWER_TIMEOUT_MS = 1_000;

/** How long a worker may take to accept what waits in its listeners, in ms. */
const FINISH_TIMEOUT_MS = 3_000;

/** How long a worker may take to apply settings, in ms. */
const APPLY_TIMEOUT_MS = 2_000;

/**
 * Starts the workers. Resolves when all of them listen.
 *
 * @throws {HttpListenError} and what `Deno.listen` throws, when an address is in use or not
 * allowed.
 */
export async function startWorkers(options: WorkerPoolOptions): Promise<WorkerPool> {
  const pool = new WorkerPool(options);
  await pool.start();
  return pool;
}

/**
 * A worker and its state.
 *
 * ```
 *   starting ── "listening" ──▶ running ── stop() ──▶ stopping ── "stopped", 10 s ──▶ terminated
 *      │ "failed", error         │     │                                                  ▲
 *      ▼                   error ▼     ▼ five pings unanswered                any message │
 *   start() throws             died   hung ───────────────────────────────────────────────┘
 *                                └──┬──┘
 *                                   ▼ 500 ms
 *                        replaced by another worker
 * ```
 */
interface Member {
  readonly worker: Worker;
  readonly questions: WorkerQuestions;
  readonly started: PromiseWithResolvers<void>;
  readonly stopped: PromiseWithResolvers<void>;
  /** Pings unanswered in a row; null before the worker listens. */
  missedPings: number | null;
}

/**
 * The worker threads of a server: starts them, connects each pair, and replaces one that dies.
 * Clients do not pass through here: the workers listen on the same port and the kernel spreads
 * clients over them.
 */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #clock: Clock;
  readonly #edgeId = crypto.randomUUID().slice(0, 8);
  readonly #members: (Member | null)[];
  readonly #view: PoolView;
  /** The settings of the workers. */
  #config: Config;
  #open: OpenListeners = { rtmp: new Map(), http: new Map() };
  /** Whether workers listen, those that start later included. */
  #isListening = true;
  /** Workers that hang and were replaced. */
  readonly #hung = new Set<Member>();
  #isStopping = false;
  #cancelPing: CancelTimer = () => {};

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#config = options.config;
    this.#members = Array.from({ length: options.count }, () => null);
    this.#view = new PoolView({
      clock: this.#clock,
      askAll: (question) => this.#askAll(question),
      tell: (message) => this.tell(message),
    });
  }

  /** Real addresses, in the order of the configuration. */
  get addresses(): WorkerAddresses {
    return addressesOf(this.#config);
  }

  /** Identifies this process to other servers. */
  get edgeId(): string {
    return this.#edgeId;
  }

  /** The workers as one server. */
  get view(): ServerView {
    return this.#view;
  }

  /** False while a thread hangs: new clients may be given to it. */
  get isWhole(): boolean {
    return this.#hung.size === 0;
  }

  /** Starts all workers. Called once, by {@linkcode startWorkers}. */
  async start(): Promise<void> {
    const { config, count, isReplacing = false } = this.#options;
    this.#adopt(prepareConfig(config, { count, open: this.#open, isReplacing }));
    for (let index = 0; index < this.#members.length; index++) this.#add(index);
    try {
      await Promise.all(this.#members.map((member) => member!.started.promise));
    } catch (error) {
      this.#isStopping = true;
      for (const member of this.#members) member?.worker.terminate();
      throw error;
    }
    this.#schedulePing();
  }

  /**
   * Tries the new addresses of `config`, and returns settings for {@linkcode apply}. Changes
   * nothing.
   *
   * @throws as {@linkcode prepareConfig}.
   */
  prepare(config: Config): PreparedConfig {
    return prepareConfig(config, { count: this.#options.count, open: this.#open });
  }

  /**
   * Applies new settings in all workers, those that start later included.
   *
   * @returns why workers did not apply them, each with a fix; empty when all did.
   */
  async apply(prepared: PreparedConfig): Promise<readonly string[]> {
    this.#adopt(prepared);
    const { config } = prepared;
    const failures = this.#members.map(async (member, index) => {
      if (member === null) return [];
      const question = (id: number): ToWorker => ({ type: "apply", id, config });
      const answer = await member.questions.ask(question, APPLY_TIMEOUT_MS);
      const failure = applyFailureOf(answer, APPLY_TIMEOUT_MS);
      return failure === null ? [] : [`Worker thread ${index}: ${failure}`];
    });
    return (await Promise.all(failures)).flat();
  }

  /** Accepts what waits in the listeners of all workers, then closes them. */
  async finishListening(): Promise<void> {
    this.#isListening = false;
    await this.#askAll((id) => ({ type: "finish", id }), FINISH_TIMEOUT_MS);
  }

  /** All workers listen again. @throws when one cannot. */
  async resume(): Promise<void> {
    this.#isListening = true;
    const answers = await this.#askAll((id) => ({ type: "resume", id }), APPLY_TIMEOUT_MS);
    for (const answer of answers) {
      if (answer.type === "resumed" && answer.failure !== null) throw new Error(answer.failure);
    }
  }

  /** Returns the clients of all workers that answer. */
  async countClients(): Promise<DrainCounts> {
    const answers = await this.#askAll((id) => ({ type: "count", id }));
    const sum = { connections: 0, players: 0, publishers: 0, viewers: 0 };
    for (const answer of answers) {
      if (answer.type !== "counted") continue;
      for (const key of Object.keys(sum) as (keyof DrainCounts)[]) sum[key] += answer.counts[key];
    }
    return sum;
  }

  /** As `Service.openHandover`, in the first worker that answers. */
  async openHandover(token: string): Promise<number> {
    const [answer] = await this.#askAll((id) => ({ type: "open", id, token }));
    if (answer?.type !== "opened") throw new Error("No worker thread answers; restart the server");
    return answer.port;
  }

  /** Sends all workers a message that has no answer. */
  tell(message: ToWorker & { readonly type: "take over" | "ban" | "lift" }): void {
    for (const member of this.#members) if (member !== null) post(member.worker, message);
  }

  /** Stops all workers gracefully. Resolves when they are terminated, after 10 s at most. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#cancelPing();
    const members = this.#members.filter((member) => member !== null);
    for (const { worker } of members) post(worker, { type: "stop" });
    const cancel = this.#clock.after(STOP_TIMEOUT_MS, () => {
      for (const { stopped } of members) stopped.resolve();
    });
    await Promise.all(members.map(({ stopped }) => stopped.promise));
    cancel();
    for (const { worker } of [...members, ...this.#hung]) worker.terminate();
  }

  #adopt({ config, open }: PreparedConfig): void {
    this.#config = config;
    this.#open = open;
  }

  /** Asks all workers. Returns the answers, without those of workers that died or hang. */
  async #askAll(
    question: (id: number) => ToWorker,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<Answer[]> {
    const members = this.#members.filter((member) => member !== null)
      .filter(({ missedPings }) => (missedPings ?? 0) < SILENT_PINGS);
    const answers = await Promise.all(
      members.map(({ questions }) => questions.ask(question, timeoutMs)),
    );
    return answers.filter((answer) => answer !== null && answer !== "late");
  }

  #schedulePing(): void {
    this.#cancelPing = this.#clock.after(PING_PERIOD_MS, () => {
      this.#schedulePing();
      for (const [index, member] of this.#members.entries()) {
        if (member !== null) this.#ping(index, member);
      }
    });
  }

  #ping(index: number, member: Member): void {
    if (member.missedPings === null) return;
    if (member.missedPings >= MAX_MISSED_PINGS) return this.#onHung(index, member);
    member.missedPings++;
    post(member.worker, { type: "ping" });
  }

  /** Starts worker `index` and connects it to the others. */
  #add(index: number): void {
    const { count, createWorker = createThread } = this.#options;
    const config = this.#config;
    const worker = createWorker();
    const member: Member = {
      worker,
      questions: new WorkerQuestions(worker, this.#clock),
      started: Promise.withResolvers(),
      stopped: Promise.withResolvers(),
      missedPings: null,
    };
    // `start()` awaits the first workers; no one awaits a replacement.
    member.started.promise.catch(() => {});
    this.#members[index] = member;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#handle(member, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#onDied(index, member, event.message);
    };
    const peers = this.#connectPeers(index);
    post(worker, {
      ...{ type: "start", index, count, edgeId: this.#edgeId, config, peers },
      isListening: this.#isListening,
      bans: this.#view.bansNow,
    });
  }

  /** Connects every other worker to `index`. Returns the ports for `index` itself. */
  #connectPeers(index: number): PeerPort[] {
    const peers: PeerPort[] = [];
    for (const [other, member] of this.#members.entries()) {
      if (other === index || member === null) continue;
      const { port1, port2 } = new MessageChannel();
      peers.push({ index: other, port: port1 });
      post(member.worker, { type: "peer", peer: { index, port: port2 } });
    }
    return peers;
  }

  #handle(member: Member, message: FromWorker): void {
    const { started, stopped, questions } = member;
    switch (message.type) {
      case "listening":
        member.missedPings = 0;
        return started.resolve();
      case "pong":
        member.missedPings = 0;
        return;
      case "failed":
        return started.reject(new Error(message.reason));
      case "log": {
        const { level, layer, id, message: text, fields } = message;
        return this.#options.logger.for(layer, id)[level](text, fields);
      }
      case "shown":
      case "kicked":
      case "moved":
      case "finished":
      case "resumed":
      case "opened":
      case "counted":
      case "applied":
        return questions.onAnswer(message);
      case "stopped":
        return stopped.resolve();
      default:
        message satisfies never;
    }
  }

  #onDied(index: number, member: Member, reason: string): void {
    member.worker.terminate();
    member.started.reject(new Error(reason));
    this.#hung.delete(member);
    this.#forget(member);
    if (this.#members[index] !== member || this.#isStopping) return;
    this.#options.logger.error("Worker thread died with its clients; starting another", {
      worker: index,
      cause: reason,
      fix: "report this line; it is an internal error",
    });
    this.#replace(index);
  }

  /**
   * Gives the streams of a worker that hangs to another one. The thread itself stays, because the
   * runtime cannot end one that is busy: measured with Deno 2.9.6, `terminate()` stops no loop.
   */
  #onHung(index: number, member: Member): void {
    this.#hung.add(member);
    this.#forget(member);
    // It runs again: too late for its clients, but now it can be ended.
    member.worker.onmessage = () => this.#onAwake(index, member);
    const seconds = MAX_MISSED_PINGS * PING_PERIOD_MS / 1000;
    this.#options.logger.error("Worker thread hangs with its clients; starting another", {
      worker: index,
      cause: `no answer for ${seconds} s`,
      fix: "restart the server: new clients that the system gives to the thread wait for it",
    });
    this.#replace(index);
  }

  #onAwake(index: number, member: Member): void {
    if (!this.#hung.delete(member)) return;
    member.worker.terminate();
    this.#options.logger.info("Worker thread that was replaced runs again; ended", {
      worker: index,
    });
  }

  /** Waits for nothing from a worker any longer. */
  #forget({ questions, stopped }: Member): void {
    stopped.resolve();
    questions.forget();
  }

  #replace(index: number): void {
    this.#members[index] = null;
    this.#clock.after(REPLACE_PAUSE_MS, () => {
      if (!this.#isStopping) this.#add(index);
    });
  }
}
