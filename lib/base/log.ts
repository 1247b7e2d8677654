/**
 * The log facade: one line per event, `message key=value…`, and the layer and id it came from.
 * Everything below `cli` logs through this interface; `logging/logging.ts` sends it to LogTape.
 */

/** Values that a log line may carry. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Importance of a line, least first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Writes log lines. Never called per message: only for events of a connection or a stream. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines name `layer` and, when given, `id` (`c12`, `live/show`). */
  for(layer: string, id?: string): Logger;
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  for: () => silentLogger,
};
