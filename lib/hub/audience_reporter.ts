import type { Audience } from "./viewer.ts";

/** A report is due after this long without a change. Receivers drop it after three times that. */
const REPORT_PERIOD_MS = 2_000;

/** Changes within this time share a report. */
const MIN_PERIOD_MS = 250;

/** The stream whose audience is reported. */
interface ReportedStream {
  /** Differs when the audience may have changed. */
  readonly audienceRevision: number;
  audience(nowMs: number): Audience;
}

/** Decides when the audience of a stream is reported upwards: at changes, and every 2 s. */
export class AudienceReporter {
  readonly #stream: ReportedStream;
  #receiver: unknown = null;
  #reportedMs = -Infinity;
  #revision = -1;

  constructor(stream: ReportedStream) {
    this.#stream = stream;
  }

  /**
   * Returns the audience if it is time to report it.
   *
   * @param receiver Who gets the report; another one than the last gets it at once, null gets none.
   */
  due(nowMs: number, receiver: unknown): Audience | null {
    if (receiver === null) return null;
    const { audienceRevision } = this.#stream;
    const passedMs = receiver === this.#receiver ? nowMs - this.#reportedMs : Infinity;
    const limitMs = audienceRevision === this.#revision ? REPORT_PERIOD_MS : MIN_PERIOD_MS;
    if (passedMs < limitMs) return null;
    this.#receiver = receiver;
    this.#reportedMs = nowMs;
    this.#revision = audienceRevision;
    return this.#stream.audience(nowMs);
  }
}
