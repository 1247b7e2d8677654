/**
 * The worker threads of a server with several: starts them, joins them in pairs, and puts a new one in the
 * place of one that was lost. Clients never come here: the kernel gives each to one of the workers, which
 * all listen on the same port.
 */

import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { HttpListenError } from "../http/http_server.ts";
import type { ServerSnapshot, ServerView } from "../monitor/server_view.ts";
import type { NetAddress } from "../io/transport.ts";
import { mergeSnapshots } from "../monitor/merge_snapshots.ts";
import type { FromWorker, Neighbour, ToWorker } from "./worker_message.ts";

/** Options of {@linkcode startWorkers}. */
export interface WorkerPoolOptions {
  readonly config: Config;
  /** 2 or more. */
  readonly count: number;
  readonly logger: Logger;
  /** Makes a thread; the program's own unless a test gives another. */
  readonly createWorker?: () => Worker;
}

/** Pause before a lost worker is replaced, in ms: one that fails at once must not make the server spin. */
const REPLACE_PAUSE_MS = 500;

/** How long the workers may take to end pushes and to close, in ms. */
const STOP_TIMEOUT_MS = 10_000;

/**
 * Starts the workers; settles when all of them listen.
 *
 * @throws what listening throws, when an address is in use or not allowed.
 */
export async function startWorkers(options: WorkerPoolOptions): Promise<WorkerPool> {
  const { config, count } = options;
  const { httpServer } = config;
  const pool = new WorkerPool({
    ...options,
    config: {
      ...config,
      listen: config.listen.map(probe),
      httpServer: httpServer.enabled
        ? { ...httpServer, listen: httpServer.listen.map(probeHttp) }
        : httpServer,
      maxConnections: Math.ceil(config.maxConnections / count),
    },
  });
  await pool.start();
  return pool;
}

/** @throws {HttpListenError} */
function probeHttp(address: NetAddress): NetAddress {
  try {
    return probe(address);
  } catch (error) {
    throw new HttpListenError(address, error);
  }
}

/**
 * The real address that is listened on when `address` is asked for. Workers share their port with anybody
 * who asks for that: so it is found out here whether another program has it.
 */
function probe(address: NetAddress): NetAddress {
  const listener = Deno.listen({ ...address, transport: "tcp" });
  const { hostname, port } = listener.addr;
  listener.close();
  return { hostname, port };
}

/** A worker and its state. */
interface Member {
  readonly worker: Worker;
  /** What it has been asked and not answered, by the question's number. */
  readonly questions: Map<number, (answer: Answer | null) => void>;
  readonly started: PromiseWithResolvers<void>;
  readonly stopped: PromiseWithResolvers<void>;
}

/** What a worker says to a question. */
type Answer = FromWorker & { readonly id: number; readonly type: "shown" | "kicked" };

/** See the file comment. */
export class WorkerPool implements ServerView {
  readonly #options: WorkerPoolOptions;
  readonly #edgeId = crypto.randomUUID().slice(0, 8);
  readonly #members: (Member | null)[];
  #isStopping = false;
  #lastQuestion = 0;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    this.#members = Array.from({ length: options.count }, () => null);
  }

  /** Real addresses, in the order of the configuration. */
  get addresses(): readonly NetAddress[] {
    return this.#options.config.listen;
  }

  /** The same of `http_server`. */
  get httpAddresses(): readonly NetAddress[] {
    const { httpServer } = this.#options.config;
    return httpServer.enabled ? httpServer.listen : [];
  }

  /** Id of the process among edges. */
  get edgeId(): string {
    return this.#edgeId;
  }

  /** Starts all workers; settles when they listen. Called once. */
  async start(): Promise<void> {
    for (let index = 0; index < this.#members.length; index++) this.#add(index);
    try {
      await Promise.all(this.#members.map((member) => member!.started.promise));
    } catch (error) {
      this.#isStopping = true;
      for (const member of this.#members) member?.worker.terminate();
      throw error;
    }
  }

  /** All workers as one server. */
  async snapshot(): Promise<ServerSnapshot> {
    const answers = await this.#askAll((id) => ({ type: "show", id }));
    const snapshots = answers.flatMap((each) => each.type === "shown" ? [each.snapshot] : []);
    if (snapshots.length === 0) throw new Error("No worker answers");
    return mergeSnapshots(snapshots);
  }

  async kick(clientId: string): Promise<boolean> {
    const answers = await this.#askAll((id) => ({ type: "kick", id, clientId }));
    return answers.some((each) => each.type === "kicked" && each.isDone);
  }

  /** Closes everything in good order; settles when all is done. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const members = this.#members.filter((member) => member !== null);
    for (const { worker } of members) post(worker, { type: "stop" });
    const cancel = systemClock.after(STOP_TIMEOUT_MS, () => {
      for (const { stopped } of members) stopped.resolve();
    });
    await Promise.all(members.map(({ stopped }) => stopped.promise));
    cancel();
    for (const { worker } of members) worker.terminate();
  }

  /** What those say that are not lost meanwhile. */
  async #askAll(question: (id: number) => ToWorker): Promise<Answer[]> {
    const answers = this.#members.map((member) => {
      if (member === null) return null;
      const id = ++this.#lastQuestion;
      const { promise, resolve } = Promise.withResolvers<Answer | null>();
      member.questions.set(id, resolve);
      post(member.worker, question(id));
      return promise;
    });
    return (await Promise.all(answers)).filter((answer) => answer !== null);
  }

  /** Starts worker `index` and joins it with those that are there. */
  #add(index: number): void {
    const { config, count, createWorker = createThread } = this.#options;
    const worker = createWorker();
    const member: Member = {
      worker,
      questions: new Map(),
      started: Promise.withResolvers(),
      stopped: Promise.withResolvers(),
    };
    // Whoever waits for the start has it; a worker that replaces another has nobody waiting.
    member.started.promise.catch(() => {});
    this.#members[index] = member;
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(member, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#onLost(index, member, event.message);
    };
    const neighbours = this.#introduce(index);
    post(worker, { type: "start", index, count, edgeId: this.#edgeId, config, neighbours });
  }

  /** Gives every other worker a way to `index`. @returns the ways back. */
  #introduce(index: number): Neighbour[] {
    const neighbours: Neighbour[] = [];
    for (const [other, member] of this.#members.entries()) {
      if (other === index || member === null) continue;
      const { port1, port2 } = new MessageChannel();
      neighbours.push({ index: other, port: port1 });
      post(member.worker, { type: "neighbour", neighbour: { index, port: port2 } });
    }
    return neighbours;
  }

  #hear({ started, stopped, questions }: Member, message: FromWorker): void {
    switch (message.type) {
      case "listening":
        return started.resolve();
      case "failed":
        return started.reject(new Error(message.reason));
      case "log": {
        const { level, layer, id, message: text, fields } = message;
        return this.#options.logger.for(layer, id)[level](text, fields);
      }
      case "shown":
      case "kicked":
        questions.get(message.id)?.(message);
        questions.delete(message.id);
        return;
      case "stopped":
        return stopped.resolve();
      default:
        message satisfies never;
    }
  }

  #onLost(index: number, member: Member, reason: string): void {
    member.worker.terminate();
    member.started.reject(new Error(reason));
    member.stopped.resolve();
    for (const answer of member.questions.values()) answer(null);
    if (this.#members[index] !== member || this.#isStopping) return;
    this.#members[index] = null;
    this.#options.logger.error("A worker is lost with its clients; another takes its place", {
      worker: index,
      cause: reason,
      fix: "report this line: it is a fault of the program",
    });
    systemClock.after(REPLACE_PAUSE_MS, () => {
      if (!this.#isStopping) this.#add(index);
    });
  }
}

function createThread(): Worker {
  return new Worker(new URL(workerModule(), import.meta.url), { type: "module" });
}

/** In the executable all modules are one file, and those of the worker another (`deno task bundle`). */
function workerModule(): string {
  return import.meta.url.endsWith(".ts") ? "../app/worker_main.ts" : "./lib/app/worker_main.js";
}

function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message, portsOf(message));
}

function portsOf(message: ToWorker): MessagePort[] {
  switch (message.type) {
    case "start":
      return message.neighbours.map(({ port }) => port);
    case "neighbour":
      return [message.neighbour.port];
    default:
      return [];
  }
}
