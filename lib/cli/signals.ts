/** Signals of the terminal and of service managers. */

import type { Logger } from "../base/log.ts";
import { EXIT_CODE } from "./exit_codes.ts";

/** A signal that asks the server to stop. */
export type StopSignal = "SIGINT" | "SIGTERM";

// Windows has no SIGTERM and no SIGHUP to listen to.
const STOP_SIGNALS: readonly StopSignal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM"];
const RELOAD_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];

/**
 * Calls `stop` at the first SIGINT or SIGTERM; a second one ends the process at once. SIGHUP, which
 * would end the process, is answered by a log line.
 *
 * @returns a function that gives the signals their usual meaning back.
 */
export function onStopSignal(stop: (signal: StopSignal) => void, logger: Logger): () => void {
  let isStopping = false;
  function onSignal(signal: StopSignal): void {
    if (isStopping) {
      logger.warning("Second stop signal: ending at once", { signal });
      Deno.exit(EXIT_CODE.failure);
    }
    isStopping = true;
    logger.info("Stopping; a second signal ends it at once", { signal });
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
