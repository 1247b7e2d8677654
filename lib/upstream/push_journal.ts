import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import { FailureJournal } from "./failure_journal.ts";
import type { OriginFailureLog } from "./origin_failure_log.ts";
import { UpstreamReport } from "./upstream_report.ts";
import type { UpstreamTotals } from "./upstream_snapshot.ts";

/** Options of {@linkcode PushJournal}. */
interface PushJournalOptions {
  /** What it is called in log and reports. */
  readonly kind: "push" | "forward";
  readonly totals: UpstreamTotals;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failureLog: OriginFailureLog;
}

/** Where a push broke off. */
interface BrokenPush {
  readonly origin: OriginAddress;
  readonly atMs: number;
  /** The origin surely has everything before this log offset. */
  readonly offset: number;
}

/** Notes what becomes of one push: for log, API and metrics, and for where it resumes. */
export class PushJournal {
  readonly report: UpstreamReport;
  readonly #options: PushJournalOptions;
  readonly #failures: FailureJournal;
  /** The newest push that was lost; the next one resumes it. */
  #broken: BrokenPush | null = null;
  /** Why the stream needs another origin; for the log. */
  #cause = "";

  constructor(options: PushJournalOptions) {
    const { kind, totals, clock, logger, failureLog } = options;
    this.#options = options;
    this.#failures = new FailureJournal(kind, logger, failureLog);
    this.report = new UpstreamReport(kind, totals, clock);
  }

  /** Log offset up to which origins have the stream; null before the first loss. */
  get resumeOffset(): number | null {
    return this.#broken?.offset ?? null;
  }

  /** The next connection is made because of `cause`, unless there is a cause already. */
  explain(cause: string): void {
    this.#cause ||= cause;
  }

  /** `origin` accepted, and works. */
  accepted(origin: OriginAddress): void {
    this.#failures.works(origin);
  }

  /** The stream flows to `origin`, for the first time; later ones are {@linkcode resumed}. */
  began(origin: OriginAddress): void {
    if (this.#broken !== null) return;
    this.#cause = "";
    this.report.live(origin);
    this.#options.logger.info(`${this.#failures.title} started`, { origin: formatAddress(origin) });
  }

  /** The push to `origin` is over; it surely has everything before `sentOffset`, if any. */
  broke(origin: OriginAddress, sentOffset: number | null): void {
    if (sentOffset === null) return;
    this.#broken = { origin, atMs: this.#options.clock.now(), offset: sentOffset };
  }

  /** `to` continues the push that was lost, or left, from log offset `offset` on. */
  resumed(to: OriginAddress, offset: number): void {
    const broken = this.#broken;
    if (broken === null) return;
    const silenceMs = Math.round(this.#options.clock.now() - broken.atMs);
    const lostBytes = Math.max(0, offset - broken.offset);
    const none = { lostFrames: 0, doubledFrames: 0 };
    this.report.switched({ to, how: "resumed", silenceMs, lostBytes, ...none });
    this.#options.logger.info(`${this.#failures.title} switched`, {
      from: formatAddress(broken.origin),
      to: formatAddress(to),
      cause: this.#cause,
      silence_ms: silenceMs,
      lost_bytes: lostBytes,
      how: "resumed",
    });
    this.#cause = "";
  }

  /** The connection to `origin` failed, or was lost. */
  failed(origin: OriginAddress, error: unknown): void {
    this.explain(this.#failures.failed(origin, error));
    this.report.failed(origin, error);
  }
}
