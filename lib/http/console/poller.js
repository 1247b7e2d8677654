/** Asks again and again, and rests while nobody looks at the page. */

const PERIOD_MS = 2000;

/** See the file comment. */
export class Poller {
  #ask;
  #onAnswer;
  #onState;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isAsking = false;
  /** When the server was first missed, or null. @type {Date | null} */
  #missingSince = null;

  /**
   * @template T
   * @param {{
   *   ask: () => Promise<T>,
   *   onAnswer: (answer: T) => void,
   *   onState: (state: "live" | "paused" | "missing", since: Date, reason: string) => void,
   * }} options
   */
  constructor({ ask, onAnswer, onState }) {
    this.#ask = ask;
    this.#onAnswer = onAnswer;
    this.#onState = onState;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) return void this.askNow();
      clearTimeout(this.#timer);
      onState("paused", new Date(), "");
    });
  }

  /** Asks now, and from then on every two seconds. */
  async askNow() {
    clearTimeout(this.#timer);
    if (this.#isAsking) return;
    this.#isAsking = true;
    await this.#askOnce();
    this.#isAsking = false;
    if (!document.hidden) this.#timer = setTimeout(() => this.askNow(), PERIOD_MS);
  }

  async #askOnce() {
    let answer;
    try {
      answer = await this.#ask();
    } catch (error) {
      this.#missingSince ??= new Date();
      this.#onState("missing", this.#missingSince, describe(error));
      return;
    }
    this.#missingSince = null;
    this.#onState(document.hidden ? "paused" : "live", new Date(), "");
    this.#onAnswer(answer);
  }
}

/** @param {unknown} error */
function describe(error) {
  // What browsers say of a connection that failed helps nobody.
  if (error instanceof TypeError) return "No connection";
  return error instanceof Error ? error.message : String(error);
}
