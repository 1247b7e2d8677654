import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import type { OriginFailureLog } from "./origin_failure_log.ts";

/** What failed, for the log. */
const TITLES = { pull: "Pull", push: "Push", forward: "Forward" } as const;

type Kind = keyof typeof TITLES;

/**
 * Logs what fails between one stream and its origins: once per origin until one works, because a
 * dead origin must not fill the log. Of all streams of a vhost, only the first warns.
 */
export class FailureJournal {
  readonly title: typeof TITLES[Kind];
  readonly #kind: Kind;
  readonly #logger: Logger;
  readonly #shared: OriginFailureLog;
  /** Origins whose failure was logged since one worked. */
  readonly #logged = new Set<OriginAddress>();

  /** @param shared Of the vhost. */
  constructor(kind: Kind, logger: Logger, shared: OriginFailureLog) {
    this.title = TITLES[kind];
    this.#kind = kind;
    this.#logger = logger;
    this.#shared = shared;
  }

  /** @returns the reason. */
  failed(origin: OriginAddress, error: unknown): string {
    const reason = describeError(error);
    const fields = { origin: formatAddress(origin) };
    const level = this.#shared.levelOf(this.#kind, origin, error);
    if (this.#logged.has(origin)) {
      this.#logger.debug(`${this.title} failed again: ${reason}`, fields);
    } else {
      this.#logger[level](`${this.title} failed: ${reason}`, fields);
    }
    this.#logged.add(origin);
    return reason;
  }

  /** The stream comes from the origin, or it has accepted it. */
  works(origin: OriginAddress): void {
    this.#logged.clear();
    this.#shared.works(origin);
  }
}
