const PERIOD_MS = 2000;

/** Polls every two seconds, and pauses while the page is hidden. */
export class Poller {
  #fetch;
  #onAnswer;
  #onState;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isPolling = false;
  /** Time of the first failed poll in a row, or null. @type {Date | null} */
  #unreachableSince = null;

  /**
   * @template T
   * @param {{
   *   fetch: () => Promise<T>,
   *   onAnswer: (answer: T) => void,
   *   onState: (state: "live" | "paused" | "unreachable", since: Date, reason: string) => void,
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

  /** Polls now, then every two seconds. */
  async pollNow() {
    clearTimeout(this.#timer);
    if (this.#isPolling) return;
    this.#isPolling = true;
    await this.#pollOnce();
    this.#isPolling = false;
    if (!document.hidden) this.#timer = setTimeout(() => this.pollNow(), PERIOD_MS);
  }

  async #pollOnce() {
    let answer;
    try {
      answer = await this.#fetch();
    } catch (error) {
      this.#unreachableSince ??= new Date();
      this.#onState("unreachable", this.#unreachableSince, describe(error));
      return;
    }
    this.#unreachableSince = null;
    this.#onState(document.hidden ? "paused" : "live", new Date(), "");
    this.#onAnswer(answer);
  }
}

/** @param {unknown} error */
function describe(error) {
  // Browsers describe a failed connection only as "Failed to fetch" or the like.
  if (error instanceof TypeError) return "no connection";
  return error instanceof Error ? error.message : String(error);
}
