import type { CancelTimer, Clock } from "../base/clock.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";

/** Levels that are limited. Debug is for those who want every line. */
type LimitedLevel = Exclude<LogLevel, "debug">;

/** Lines of one kind per second: those of well-behaved clients are informative when many come. */
const LINES_PER_KIND: Readonly<Record<LimitedLevel, number>> = {
  info: 100,
  warning: 10,
  error: 10,
};

/** Lines per second and level about one connection or stream. A failover takes a handful. */
const LINES_PER_ID = 10;

/** Period of the limits, in ms. */
const PERIOD_MS = 1_000;

/** Lines of one kind, or about one id, in the current period; all of one level. */
interface Count {
  /** For the line that says how many are missing. */
  readonly logger: Logger;
  readonly level: LimitedLevel;
  passed: number;
  leftOut: number;
  /** The last message left out. */
  last: string;
}

/** Where a line comes from. */
interface Source {
  readonly logger: Logger;
  readonly layer: string;
  readonly id: string | undefined;
}

/**
 * Keeps any cause from filling the log. Passes a limited number of lines per second of each kind,
 * and of each level about one connection or stream, and says once a second how many it left out.
 * The first lines pass at once. An id that was over its limit gets one line a second until it keeps
 * to it.
 *
 * Two lines are of one kind if they have the same level and layer, and the same message up to the
 * first colon.
 */
export class LogThrottle {
  /** The limited log. */
  readonly logger: Logger;
  readonly #target: Logger;
  readonly #clock: Clock;
  #kinds = new Map<string, Count>();
  #ids = new Map<string, Count>();
  /** Null while nothing is logged. */
  #cancel: CancelTimer | null = null;

  /** @param target Receives the lines that pass. */
  constructor(target: Logger, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
    this.logger = this.#limit({ logger: target, layer: "", id: undefined });
  }

  /** Reports what was left out since the last report. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#report();
  }

  #limit(source: Source): Logger {
    const at = (level: LimitedLevel) => (message: string, fields?: LogFields) => {
      if (this.#passes(source, level, message)) source.logger[level](message, fields);
    };
    return {
      debug: source.logger.debug,
      info: at("info"),
      warning: at("warning"),
      error: at("error"),
      for: (layer, id) => this.#limit({ logger: source.logger.for(layer, id), layer, id }),
    };
  }

  #passes({ logger, layer, id }: Source, level: LimitedLevel, message: string): boolean {
    const idKey = `${level} ${layer} ${id}`;
    const ofId = this.#ids.get(idKey);
    if (ofId !== undefined && ofId.passed >= LINES_PER_ID) return leaveOut(ofId, message);
    const kindKey = `${level} ${layer} ${message.split(":", 1)[0]}`;
    const ofKind = this.#kinds.get(kindKey);
    if (ofKind !== undefined && ofKind.passed >= LINES_PER_KIND[level]) {
      return leaveOut(ofKind, message);
    }
    // Only lines that pass take memory.
    if (id !== undefined) count(this.#ids, idKey, ofId ?? createCount(logger, level));
    const ofLayer = layer === "" ? this.#target : this.#target.for(layer);
    count(this.#kinds, kindKey, ofKind ?? createCount(ofLayer, level));
    this.#cancel ??= this.#clock.after(PERIOD_MS, () => this.#onPeriod());
    return true;
  }

  #onPeriod(): void {
    const flooding = [...this.#ids].filter(([, { leftOut }]) => leftOut > 0);
    this.#report();
    this.#ids = new Map(flooding.map(([key, { logger, level }]) => [
      key,
      { ...createCount(logger, level), passed: LINES_PER_ID - 1 },
    ]));
    this.#kinds = new Map();
    this.#cancel = flooding.length === 0
      ? null
      : this.#clock.after(PERIOD_MS, () => this.#onPeriod());
  }

  #report(): void {
    for (const counts of [this.#ids, this.#kinds]) {
      for (const one of counts.values()) {
        if (one.leftOut > 0) reportLeftOut(one);
        one.leftOut = 0;
      }
    }
  }
}

function createCount(logger: Logger, level: LimitedLevel): Count {
  return { logger, level, passed: 0, leftOut: 0, last: "" };
}

/** Counts a line that passes. */
function count(counts: Map<string, Count>, key: string, current: Count): void {
  current.passed++;
  counts.set(key, current);
}

function leaveOut(count: Count, message: string): false {
  count.leftOut++;
  count.last = message;
  return false;
}

function reportLeftOut({ logger, level, leftOut, last }: Count): void {
  logger[level]("Log lines left out: too many in a second", { count: leftOut, last });
}
