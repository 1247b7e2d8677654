/**
 * Sends the log facade of `base/log.ts` through LogTape to the terminal (standard error) or a file.
 * LogTape's configuration is one for the process, so there is one logging at a time.
 */

import { configureSync, getLogger, type LogRecord, resetSync, type Sink } from "@logtape/logtape";
import { encodeUtf8 } from "../base/bytes.ts";
import { describeError } from "../base/errors.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import { LineAppender, openLogFile, writeAllSync } from "./log_file.ts";
import { formatJsonLine, formatTextLine, type LogEvent, type LogFormat } from "./log_line.ts";

/** Where log lines go: standard error, or a file with what matters at once on standard error too. */
export type LogTank = "console" | "file";

/** Options of {@linkcode createLogging}. */
export interface LoggingOptions {
  readonly tank: LogTank;
  /** Path of the log file; used by the tank `file` only. */
  readonly file: string;
  /** Least important level that is written. */
  readonly level: LogLevel;
  readonly format: LogFormat;
}

/** The running log. */
export interface Logging {
  readonly logger: Logger;
  /** Logs an info line that is also for whoever sits at the terminal, even when the tank is a file. */
  notice(message: string, fields?: LogFields): void;
  /** Ends the log; what is logged afterwards is dropped. */
  close(): void;
}

/** What a record carries through LogTape. A type, as LogTape asks for an index signature. */
type RecordProperties = {
  readonly layer: string;
  readonly id: string | undefined;
  readonly fields: LogFields;
  readonly isNotice: boolean;
};

const CATEGORY = "edge";

/**
 * Starts the log. A log file that cannot be opened is reported on standard error, and the lines go
 * there instead; one that cannot be written later is reported once and loses lines. Neither throws.
 */
export function createLogging(options: LoggingOptions): Logging {
  const file = options.tank === "file" ? tryOpen(options.file) : undefined;
  const sinks = file === undefined
    ? { terminal: terminalSink(options.format) }
    : { terminal: urgentOnly(terminalSink(options.format)), file: fileSink(file, options) };
  configureSync<string, string>({
    reset: true,
    sinks,
    loggers: [
      { category: CATEGORY, sinks: Object.keys(sinks), lowestLevel: options.level },
      // Unless configured, LogTape prints a banner through it.
      { category: ["logtape", "meta"], sinks: [], lowestLevel: null },
    ],
  });
  return {
    logger: createLogger("edge"),
    notice(message, fields = {}) {
      write("info", message, { layer: "edge", id: undefined, fields, isNotice: true });
    },
    close() {
      resetSync();
      file?.close();
    },
  };
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

function fileSink(file: Deno.FsFile, options: LoggingOptions): Sink {
  const appender = new LineAppender(file, (problem) => reportFile("write", options.file, problem));
  return (record) => appender.append(formatRecord(record, options.format, false));
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
    // The raw form, because braces in it are text and no placeholders.
    message: String(record.rawMessage),
    fields,
  };
}

/** What {@linkcode write}, the only writer to our category, put in. */
function propertiesOf(record: LogRecord): RecordProperties {
  return record.properties as RecordProperties;
}

function tryOpen(path: string): Deno.FsFile | undefined {
  try {
    return openLogFile(path);
  } catch (error) {
    reportFile("open", path, describeError(error));
    return undefined;
  }
}

function reportFile(action: "open" | "write", path: string, problem: string): void {
  const consequence = action === "open"
    ? "log lines go to the terminal"
    : "log lines are lost until it works again";
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
    // There is no place left to report it to.
  }
}
