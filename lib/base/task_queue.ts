/** Runs asynchronous tasks one after the other. */
export class TaskQueue {
  /** Settles with the newest task; never rejects. */
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when all tasks that were added so far have settled. */
  get idle(): Promise<unknown> {
    return this.#last;
  }

  /** Runs `task` when the earlier ones have settled. @returns what it returns, or rejects with. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => {});
    return result;
  }
}
