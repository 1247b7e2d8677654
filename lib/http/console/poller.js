const PERIOD_MS = 2000;

/** The server spends a twentieth of its time on this page at most; polls are 20 s apart at most. */
const REST_PER_WORK = 19;
const MAX_PERIOD_MS = 20_000;

/** @typedef {"live" | "paused" | "unreachable" | "refused"} State `refused`: without a password */

/** Polls every two seconds, and pauses while the page is hidden. */
export class Poller {
  #fetch;
  #onAnswer;
  #onState;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Of the poll that is under way. @type {AbortController | null} */
  #current = null;
  /** Time of the first failed poll in a row, or null. @type {Date | null} */
  #unreachableSince = null;
  /** Whether the server wants another password. */
  #isRefused = false;

  /**
   * @template T
   * @param {{
   *   fetch: (signal: AbortSignal) => Promise<T>,
   *   onAnswer: (answer: T) => void,
   *   onState: (state: State, since: Date, reason: string) => void,
   * }} options
   */
  constructor({ fetch, onAnswer, onState }) {
    this.#fetch = fetch;
    this.#onAnswer = onAnswer;
    this.#onState = onState;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) return void this.pollNow();
      clearTimeout(this.#timer);
      onState("paused", new Date(), "");
    });
  }

  /** Polls now, instead of a poll that is under way, then every two seconds. */
  async pollNow() {
    clearTimeout(this.#timer);
    this.#current?.abort();
    const current = this.#current = new AbortController();
    const startMs = performance.now();
    const report = await this.#pollOnce(current.signal);
    if (current !== this.#current) return;
    this.#current = null;
    report();
    if (document.hidden || this.#current !== null) return;
    // Each refused request counts as a failed login.
    const workMs = this.#isRefused ? MAX_PERIOD_MS : performance.now() - startMs;
    const restMs = Math.min(MAX_PERIOD_MS, workMs * REST_PER_WORK);
    this.#timer = setTimeout(() => this.pollNow(), Math.max(PERIOD_MS, restMs));
  }

  /** @param {AbortSignal} signal @returns {Promise<() => void>} reports the answer */
  async #pollOnce(signal) {
    try {
      const answer = await this.#fetch(signal);
      return () => {
        this.#unreachableSince = null;
        this.#isRefused = false;
        this.#onState(document.hidden ? "paused" : "live", new Date(), "");
        this.#onAnswer(answer);
      };
    } catch (error) {
      return () => {
        this.#unreachableSince ??= new Date();
        this.#isRefused = error.isLogin === true;
        const state = this.#isRefused ? "refused" : "unreachable";
        this.#onState(state, this.#unreachableSince, describe(error));
      };
    }
  }
}

/** @param {unknown} error */
function describe(error) {
  // Browsers describe a failed connection only as "Failed to fetch" or the like.
  if (error instanceof TypeError) return "no connection";
  return error instanceof Error ? error.message : String(error);
}
