import { type CancelTimer, checkAfter, type Clock } from "../base/clock.ts";

/** The time limit for the answers about one event. Start it once, then end or cancel it. */
export class HookDeadline {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #abort = new AbortController();
  #cancelTimer: CancelTimer = () => {};
  #isCancelled = false;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Starts the time. */
  start(): void {
    const reason = new Error(`it did not answer within ${this.#timeoutMs} ms`);
    this.#cancelTimer = checkAfter(this.#clock, this.#timeoutMs, () => this.#abort.abort(reason));
  }

  /** Aborts when the time is up, with an error that says so, and when the event is cancelled. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** The answers are no longer needed. Harmless when repeated or late. */
  cancel(): void {
    this.#isCancelled = true;
    this.end();
    this.#abort.abort();
  }

  /** All answers have arrived. */
  end(): void {
    this.#cancelTimer();
  }
}
