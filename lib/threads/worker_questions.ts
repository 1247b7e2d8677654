import type { Clock } from "../base/clock.ts";
import type { FromWorker, ToWorker } from "./worker_message.ts";
import { post } from "./worker_thread.ts";

/** Answers a question. */
export type Answer = FromWorker & { readonly id: number };

/** The questions to one worker that it has not answered yet. */
export class WorkerQuestions {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (answer: Answer | null) => void>();
  #lastId = 0;

  constructor(worker: Worker, clock: Clock) {
    this.#worker = worker;
    this.#clock = clock;
  }

  /** Resolves with null when the worker dies, and with "late" after `timeoutMs`. */
  async ask(
    question: (id: number) => ToWorker,
    timeoutMs: number,
  ): Promise<Answer | "late" | null> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Answer | "late" | null>();
    this.#waiting.set(id, resolve);
    const cancel = this.#clock.after(timeoutMs, () => resolve("late"));
    post(this.#worker, question(id));
    const first = await promise;
    cancel();
    return first;
  }

  /** Called for each answer of the worker. */
  onAnswer(answer: Answer): void {
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }

  /** Waits for no answer any longer. */
  forget(): void {
    for (const resolve of this.#waiting.values()) resolve(null);
  }
}

/**
 * Returns why a worker did not apply its settings, with a fix. Null when it did, or died: then its
 * replacement starts with them.
 */
export function applyFailureOf(
  answer: Answer | "late" | null,
  timeoutMs: number,
): string | null {
  if (answer === "late") {
    return `no answer within ${timeoutMs} ms; restart the server if its clients are stuck`;
  }
  if (answer?.type !== "applied" || answer.failure === null) return null;
  return `${answer.failure}; correct that and apply again, or restart the server`;
}
