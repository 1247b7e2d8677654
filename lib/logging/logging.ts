import { configureSync, getLogger, type LogRecord, resetSync, type Sink } from "@logtape/logtape";
import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { LogConfig } from "../config/config.ts";
import { LineAppender, openLogFile, writeAllSync } from "./log_file.ts";
import { formatJsonLine, formatTextLine, type LogEvent, type LogFormat } from "./log_line.ts";

/** The log of the process. */
export interface Logging {
  readonly logger: Logger;
  /** Logs at info; reaches the terminal even when the log goes to a file. */
  notice(message: string, fields?: LogFields): void;
  /**
   * Applies new settings, and opens the log file again. When it cannot be opened, that is reported
   * at the terminal and the log stays where it was.
   */
  configure(config: LogConfig): void;
  /** Closes the log; later lines are dropped. */
  close(): void;
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
  readonly sinks: Readonly<Record<string, (format: LogFormat) => Sink>>;
  close(): void;
}

const CATEGORY = "edge";

const TERMINAL: Destination = { sinks: { terminal: terminalSink }, close() {} };

/**
 * Sends the log facade of `base/log.ts` through LogTape to the terminal (standard error) or to a
 * file; warnings, errors and notices then reach the terminal as well. LogTape has one configuration
 * per process, so there is one log at a time.
 *
 * Does not throw: if the log file cannot be opened, that is reported at the terminal and the log
 * goes there. If it cannot be written later, that is reported once and lines are lost.
 */
export function createLogging(config: LogConfig): Logging {
  let destination = tryOpen(config, "log lines go to the terminal") ?? TERMINAL;
  connect(destination, config);
  return {
    logger: createLogger("edge"),
    notice(message, fields = {}) {
      write("info", message, { layer: "edge", id: undefined, fields, isNotice: true });
    },
    configure(next) {
      const opened = tryOpen(next, "the log stays where it was");
      connect(opened ?? destination, next);
      if (opened === null) return;
      destination.close();
      destination = opened;
    },
    close() {
      resetSync();
      destination.close();
    },
  };
}

/** Null when the log file cannot be opened, which is reported with its `consequence`. */
function tryOpen({ tank, file: path }: LogConfig, consequence: string): Destination | null {
  if (tank === "console") return TERMINAL;
  try {
    const file = openLogFile(path);
    return {
      sinks: {
        terminal: (format) => urgentOnly(terminalSink(format)),
        file: (format) => fileSink(file, path, format),
      },
      close: () => file.close(),
    };
  } catch (error) {
    reportFile("open", path, describeError(error), consequence);
    return null;
  }
}

/** Sends what is logged from now on to `destination`. */
function connect({ sinks }: Destination, { level, format }: LogConfig): void {
  const created = Object.entries(sinks).map(([name, create]) => [name, create(format)]);
  configureSync<string, string>({
    reset: true,
    sinks: Object.fromEntries(created),
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

function terminalSink(format: LogFormat): Sink {
  const useColor = Deno.stderr.isTerminal() && !Deno.noColor;
  return (record) => writeToTerminal(formatRecord(record, format, useColor));
}

function fileSink(file: Deno.FsFile, path: string, format: LogFormat): Sink {
  const appender = new LineAppender(
    file,
    (problem) => reportFile("write", path, problem, "log lines are lost until it works again"),
  );
  return (record) => appender.append(formatRecord(record, format, false));
}

/** Passes warnings, errors and notices. */
function urgentOnly(sink: Sink): Sink {
  return (record) => {
    const isNotice = propertiesOf(record).isNotice;
    if (isNotice || record.level === "warning" || record.level === "error") sink(record);
  };
}

function formatRecord(record: LogRecord, format: LogFormat, useColor: boolean): string {
  const event = eventOf(record);
  return format === "json" ? formatJsonLine(event) : formatTextLine(event, useColor);
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

function reportFile(
  action: "open" | "write",
  path: string,
  problem: string,
  consequence: string,
): void {
  writeToTerminal(
    `Cannot ${action} log file ${path}: ${problem}: ${consequence}\n` +
      "fix: make room and check its permissions, or choose another file with srs_log_file",
  );
}

/** Never throws: a closed standard error must not stop the server. */
function writeToTerminal(line: string): void {
  try {
    writeAllSync(Deno.stderr, encodeUtf8(`${line}\n`));
  } catch {
    // No destination is left to report it to.
  }
}
