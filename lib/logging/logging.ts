import { configureSync, getLogger, type LogRecord, resetSync, type Sink } from "@logtape/logtape";
import { describeError } from "../base/errors.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { LogConfig } from "../config/config.ts";
import { LineWriter } from "./line_writer.ts";
import { openLogFile } from "./log_file.ts";
import { formatJsonLine, formatTextLine, type LogEvent } from "./log_line.ts";

/** The log of the process. */
export interface Logging {
  readonly logger: Logger;
  /** Logs at info; reaches the terminal even when the log goes to a file. */
  notice(message: string, fields?: LogFields): void;
  /**
   * Applies new settings, and opens the log file again. When it cannot be opened, that is reported
   * at the terminal and the log stays where it was.
   *
   * @returns what stands in the way of the new settings; null when they are in force.
   */
  configure(config: LogConfig): string | null;
  /**
   * Opens the log file again under its name, after it was renamed or removed. Lines logged before
   * are still written to the old one. As {@linkcode configure} when it cannot be opened.
   *
   * @param cause What asked for it, for the log.
   */
  reopen(cause: string): void;
  /**
   * Closes the log; later lines are dropped. Resolves when the earlier ones are written, or after
   * half a second: a reader that hangs must not keep the process from ending.
   */
  close(): Promise<void>;
}

/** What a record carries through LogTape, which requires a type with an index signature. */
type RecordProperties = {
  readonly layer: string;
  readonly id: string | undefined;
  readonly fields: LogFields;
  readonly isNotice: boolean;
};

/** An open destination of the log. */
interface Destination {
  readonly sinks: Readonly<Record<string, Sink>>;
  /** Resolves as {@linkcode Logging.close}. */
  close(): Promise<void>;
}

const CATEGORY = "edge";

/** What to do about a log file that cannot be written. */
const FILE_FIX = "make room and check its permissions, or choose another file with srs_log_file";

/**
 * Sends the log facade of `base/log.ts` through LogTape to the terminal (standard error) or to a
 * file; warnings, errors and notices then reach the terminal as well. LogTape has one configuration
 * per process, so there is one log at a time.
 *
 * Does not throw: if the log file cannot be opened, that is reported at the terminal and the log
 * goes there. If it cannot be written later, that is reported once and lines are lost. Nor does it
 * wait: lines that cannot be written fast enough are dropped and counted (`line_writer.ts`).
 */
export function createLogging(config: LogConfig): Logging {
  const log = new ProcessLog(config);
  log.start(config);
  return log;
}

class ProcessLog implements Logging {
  readonly logger = createLogger("edge");
  readonly #terminal: LineWriter;
  readonly #toTerminal: Destination;
  #config: LogConfig;
  #destination: Destination;

  constructor(config: LogConfig) {
    const useColor = Deno.stderr.isTerminal() && !Deno.noColor;
    const format = (event: LogEvent) => this.#formatLine(event, useColor);
    this.#terminal = new LineWriter(Deno.stderr, {
      // No destination is left to report it to.
      onFailure() {},
      describeDropped: (count) => format(droppedEvent(count, "standard error")),
    });
    const sink = sinkOf(this.#terminal, format);
    this.#toTerminal = {
      sinks: { terminal: sink },
      close: () => this.#terminal.flush(),
    };
    this.#config = config;
    this.#destination = this.#toTerminal;
  }

  start(config: LogConfig): void {
    this.#apply(config, "log lines go to the terminal");
  }

  notice(message: string, fields: LogFields = {}): void {
    write("info", message, { layer: "edge", id: undefined, fields, isNotice: true });
  }

  configure(config: LogConfig): string | null {
    const isOpen = this.#apply(config, "the log stays where it was");
    return isOpen ? null : `log file ${config.file} cannot be opened; ${FILE_FIX}`;
  }

  reopen(cause: string): void {
    const { tank, file } = this.#config;
    if (tank === "console") {
      return this.notice(`${cause} has no effect: the log goes to the terminal`);
    }
    if (this.#apply(this.#config, "the log stays where it was")) {
      this.notice("Log file opened again", { file, cause });
    }
  }

  async close(): Promise<void> {
    resetSync();
    await Promise.all([this.#destination.close(), this.#toTerminal.close()]);
  }

  /** Returns whether the destination of `config` is open. */
  #apply(config: LogConfig, consequence: string): boolean {
    const opened = this.#tryOpen(config, consequence);
    this.#config = config;
    connect(opened ?? this.#destination, config);
    if (opened === null) return false;
    void this.#destination.close();
    this.#destination = opened;
    return true;
  }

  /** Null when the log file cannot be opened, which is reported with its `consequence`. */
  #tryOpen({ tank, file: path }: LogConfig, consequence: string): Destination | null {
    if (tank === "console") return this.#toTerminal;
    try {
      return this.#toFile(openLogFile(path), path);
    } catch (error) {
      this.#reportFile("open", path, describeError(error), consequence);
      return null;
    }
  }

  #toFile(file: Deno.FsFile, path: string): Destination {
    const format = (event: LogEvent) => this.#formatLine(event, false);
    const consequence = "log lines are lost until it works again";
    const writer = new LineWriter(file, {
      onFailure: (problem) => this.#reportFile("write", path, problem, consequence),
      describeDropped: (count) => format(droppedEvent(count, path)),
    });
    return {
      sinks: {
        terminal: urgentOnly(this.#toTerminal.sinks.terminal!),
        file: sinkOf(writer, format),
      },
      async close() {
        await writer.flush();
        file.close();
      },
    };
  }

  #formatLine(event: LogEvent, useColor: boolean): string {
    return this.#config.format === "json" ? formatJsonLine(event) : formatTextLine(event, useColor);
  }

  #reportFile(
    action: "open" | "write",
    path: string,
    problem: string,
    consequence: string,
  ): void {
    this.#terminal.append(
      `Cannot ${action} log file ${path}: ${problem}: ${consequence}\nfix: ${FILE_FIX}`,
    );
  }
}

/** What a line about dropped lines says. */
function droppedEvent(count: number, destination: string): LogEvent {
  return {
    timeMs: Date.now(),
    level: "error",
    layer: "log",
    message: "Log lines dropped: the destination took them too slowly",
    fields: {
      count,
      destination,
      fix: "restart what reads the log, or free its disk; a lower srs_log_level writes less",
    },
  };
}

/** Sends what is logged from now on to `destination`. */
function connect({ sinks }: Destination, { level }: LogConfig): void {
  configureSync<string, string>({
    reset: true,
    sinks: { ...sinks },
    loggers: [
      { category: CATEGORY, sinks: Object.keys(sinks), lowestLevel: level },
      // Unless configured, LogTape prints a banner through it.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: null },
    ],
  });
}

function createLogger(layer: string, id?: string): Logger {
  function at(level: LogLevel) {
    return (message: string, fields: LogFields = {}) =>
      write(level, message, { layer, id, fields, isNotice: false });
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warning: at("warning"),
    error: at("error"),
    for: createLogger,
  };
}

function write(level: LogLevel, message: string, properties: RecordProperties): void {
  getLogger(CATEGORY)[level](message, properties);
}

function sinkOf(writer: LineWriter, format: (event: LogEvent) => string): Sink {
  return (record) => writer.append(format(eventOf(record)));
}

/** Passes warnings, errors and notices. */
function urgentOnly(sink: Sink): Sink {
  return (record) => {
    const isNotice = propertiesOf(record).isNotice;
    if (isNotice || record.level === "warning" || record.level === "error") sink(record);
  };
}

function eventOf(record: LogRecord): LogEvent {
  const { layer, id, fields } = propertiesOf(record);
  return {
    timeMs: record.timestamp,
    level: record.level as LogLevel,
    layer,
    ...(id !== undefined && { id }),
    // The raw form: braces in it are text, not placeholders.
    message: String(record.rawMessage),
    fields,
  };
}

/** The properties that {@linkcode write}, the only writer to our category, attached. */
function propertiesOf(record: LogRecord): RecordProperties {
  return record.properties as RecordProperties;
}
