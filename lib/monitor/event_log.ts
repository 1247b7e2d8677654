import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../base/log.ts";

/** Most lines kept of each layer and level, so that a crowd of players hides no lost origin. */
const LINES_PER_KIND = 200;

/** Most layers that are told apart; the program has about fifteen. */
const MAX_KINDS = 64;

/** A line of the log that is kept in memory. */
export interface LoggedEvent {
  /** Counts up from 1 over all lines. */
  readonly id: number;
  /** Wall clock, ms since 1970. */
  readonly timeMs: number;
  readonly level: LogLevel;
  readonly layer: string;
  /** The connection or stream that it is about, `c12`, `live/show`; empty for none. */
  readonly about: string;
  readonly message: string;
  readonly fields: LogFields;
}

/**
 * Keeps the newest lines of the log in memory, for the API, also those below the level of the log
 * itself. Lines of debug are passed on only.
 */
export class EventLog {
  /** Passes all lines on to the target. */
  readonly logger: Logger;
  readonly #now: () => number;
  /** Ascending, by level and layer. */
  readonly #kinds = new Map<string, LoggedEvent[]>();
  #lastId = 0;

  /**
   * @param target Where all lines go.
   * @param now Wall clock, ms since 1970.
   */
  constructor(target: Logger, now: () => number) {
    this.#now = now;
    this.logger = this.#keep(target, "server", "");
  }

  /** Returns the lines of at least this level, newest first. */
  newest(level: LogLevel): LoggedEvent[] {
    const least = LOG_LEVELS.indexOf(level);
    const lines = [...this.#kinds.values()].flat();
    return lines.filter((line) => LOG_LEVELS.indexOf(line.level) >= least)
      .sort((left, right) => right.id - left.id);
  }

  #keep(target: Logger, layer: string, about: string): Logger {
    const at =
      (level: Exclude<LogLevel, "debug">) => (message: string, fields: LogFields = {}): void => {
        this.#add({ level, layer, about, message, fields });
        target[level](message, fields);
      };
    return {
      debug: target.debug,
      info: at("info"),
      warning: at("warning"),
      error: at("error"),
      for: (layer, id) => this.#keep(target.for(layer, id), layer, id ?? ""),
    };
  }

  #add(line: Omit<LoggedEvent, "id" | "timeMs">): void {
    const key = `${line.level} ${line.layer}`;
    let lines = this.#kinds.get(key);
    if (lines === undefined) {
      if (this.#kinds.size >= MAX_KINDS) return;
      this.#kinds.set(key, lines = []);
    }
    if (lines.length >= LINES_PER_KIND) lines.shift();
    lines.push({ id: ++this.#lastId, timeMs: this.#now(), ...line });
  }
}
