import type { Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import { FailureJournal } from "../upstream/failure_journal.ts";
import type { OriginFailureLog } from "../upstream/origin_failure_log.ts";
import type { Joined } from "../splice/joiner.ts";
import { UpstreamReport } from "../upstream/upstream_report.ts";
import type { UpstreamTotals } from "../upstream/upstream_snapshot.ts";

/** Options of {@linkcode PullJournal}. */
interface PullJournalOptions {
  readonly totals: UpstreamTotals;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failureLog: OriginFailureLog;
}

/** How an origin began to feed the stream. */
interface Activation {
  /** How it continues what was delivered; null when nothing was. */
  readonly joined: Joined | null;
  /** How long nothing was delivered before, in ms. */
  readonly silenceMs: number;
  /** Time between two frames, in ms; 0 when unknown. */
  readonly frameMs: number;
}

/** Tells the log, the API and the metrics what happens to one pull. */
export class PullJournal {
  readonly report: UpstreamReport;
  readonly #logger: Logger;
  readonly #failures: FailureJournal;
  /** Why the stream needs another origin. */
  #cause = "";
  #lastOrigin: OriginAddress | null = null;

  constructor({ totals, clock, logger, failureLog }: PullJournalOptions) {
    this.#failures = new FailureJournal("pull", logger, failureLog);
    this.report = new UpstreamReport("pull", totals, clock);
    this.#logger = logger;
  }

  /** Whether an origin has fed the stream. */
  get hasBeenLive(): boolean {
    return this.#lastOrigin !== null;
  }

  /** The stream is to be fed by another origin because of `cause`; the present one works. */
  moving(cause: string): void {
    this.#cause ||= cause;
  }

  /** The standby at `to` feeds the stream alone, because `cause` ended what `from` did. */
  covered(from: OriginAddress, cause: unknown, to: OriginAddress): void {
    if (cause instanceof Error) this.failed(from, cause);
    this.#cause ||= typeof cause === "string" ? cause : describeError(cause);
    const joined = { align: { sourceMs: 0, streamMs: 0 }, messages: [], doubledFrames: 0 };
    this.activated(to, { joined, silenceMs: 0, frameMs: 0 });
  }

  /** It stays where it is. */
  stayed(): void {
    this.#cause = "";
  }

  /** `to` feeds the stream from now on. */
  activated(to: OriginAddress, activation: Activation): void {
    const { joined, silenceMs, frameMs } = activation;
    const isSpliced = joined !== null && joined.align !== null;
    const doubledFrames = joined?.doubledFrames ?? 0;
    const origin = formatAddress(to);
    if (this.#lastOrigin === null || this.#cause === "") {
      this.report.live(to);
      this.#logger.info("Pull started", { origin });
    } else {
      // Another encode shows only how long the silence lasted.
      const lostFrames = isSpliced || frameMs === 0 ? 0 : Math.round(silenceMs / frameMs);
      const how = isSpliced ? "spliced" : "restarted";
      this.report.switched({ to, how, silenceMs, lostFrames, doubledFrames, lostBytes: 0 });
      this.#logger.info("Pull switched", {
        from: formatAddress(this.#lastOrigin),
        to: origin,
        cause: this.#cause,
        silence_ms: silenceMs,
        lost_frames: lostFrames,
        doubled_frames: doubledFrames,
        how,
      });
    }
    this.#lastOrigin = to;
    this.#cause = "";
    this.#failures.works(to);
  }

  /** The connection to `origin` failed, or was lost. */
  failed(origin: OriginAddress, error: unknown): void {
    this.report.failed(origin, error);
    const reason = this.#failures.failed(origin, error);
    this.#cause ||= reason;
  }
}
