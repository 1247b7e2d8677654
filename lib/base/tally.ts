import type { CancelTimer, Clock } from "./clock.ts";

/** Time between an event and the report that counts it. */
const REPORT_DELAY_MS = 1_000;

/** Counts events and reports them at most once a second, so that a flood of them fills no log. */
export class Tally {
  #total = 0;
  #reported = 0;
  #cancel: CancelTimer | null = null;
  readonly #clock: Clock;
  readonly #report: (count: number) => void;

  /** @param report Receives the number of events since the previous report, 1 or more. */
  constructor(clock: Clock, report: (count: number) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Events since the start. */
  get total(): number {
    return this.#total;
  }

  /** Counts an event. */
  add(): void {
    this.#total++;
    this.#cancel ??= this.#clock.after(REPORT_DELAY_MS, () => {
      this.#cancel = null;
      this.#report(this.#total - this.#reported);
      this.#reported = this.#total;
    });
  }

  /** Cancels a pending report. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
