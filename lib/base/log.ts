/** The fields of a log line. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Levels of log lines, lowest first. */
export const LOG_LEVELS = ["debug", "info", "warning", "error"] as const;
/** One of {@linkcode LOG_LEVELS}. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Writes log lines: a message, fields, and the layer and id that it concerns. Everything below
 * `cli` logs through this interface; `logging/logging.ts` implements it.
 *
 * Called for events of connections and streams only, never per media message.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Returns a logger that adds `layer` and, if given, `id` (`c12`, `live/show`) to its lines. */
  for(layer: string, id?: string): Logger;
}

/** A logger that discards all lines. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warning() {},
  error() {},
  for: () => silentLogger,
};

/** Returns a logger whose warnings are written at info: what they tell of is to be expected. */
export function withoutWarnings(logger: Logger): Logger {
  return {
    debug: (message, fields) => logger.debug(message, fields),
    info: (message, fields) => logger.info(message, fields),
    warning: (message, fields) => logger.info(message, fields),
    error: (message, fields) => logger.error(message, fields),
    for: (layer, id) => withoutWarnings(logger.for(layer, id)),
  };
}
