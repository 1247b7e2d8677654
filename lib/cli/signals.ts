import type { Logger } from "../base/log.ts";
import { EXIT_CODE } from "./exit_codes.ts";

/** A signal that stops the server. */
type StopSignal = "SIGINT" | "SIGTERM";

// Windows has neither SIGTERM nor SIGHUP.
const STOP_SIGNALS: readonly StopSignal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];
const RELOAD_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];

/**
 * Calls `stop` at the first SIGINT or SIGTERM. A second one ends the process at once. SIGHUP only
 * logs a line, instead of ending the process.
 *
 * @param writeLog Settles when the last lines are written, or cannot be.
 * @returns a function that restores the default behavior of the signals.
 */
export function onStopSignal(
  stop: (signal: StopSignal) => void,
  logger: Logger,
  writeLog: () => Promise<void> = () => Promise.resolve(),
): () => void {
  let isStopping = false;
  function onSignal(signal: StopSignal): void {
    if (isStopping) {
      logger.warning("Second stop signal; exiting immediately", { signal });
      return void writeLog().finally(() => Deno.exit(EXIT_CODE.failure));
    }
    isStopping = true;
    logger.info("Stopping; send the signal again to exit immediately", { signal });
    stop(signal);
  }
  function onReload(): void {
    logger.warning("SIGHUP ignored: reload is not supported; restart to apply changes");
  }
  const removers = [
    ...STOP_SIGNALS.map((signal) => listen(signal, () => onSignal(signal))),
    ...RELOAD_SIGNALS.map((signal) => listen(signal, onReload)),
  ];
  return () => {
    for (const remove of removers) remove();
  };
}

function listen(signal: Deno.Signal, handler: () => void): () => void {
  Deno.addSignalListener(signal, handler);
  return () => Deno.removeSignalListener(signal, handler);
}
