/// <reference lib="deno.worker" />
/** A worker thread: one event loop with its own listener, sockets and streams. Started by `WorkerPool`. */

import { systemClock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../base/log.ts";
import { createDenoNetwork } from "../io/tcp.ts";
import { FairClock } from "../io/fair_clock.ts";
import { type RunningServer, startServer } from "./compose.ts";
import { loadHttp } from "./load_http.ts";
import type { FromWorker, ToWorker } from "../threads/worker_message.ts";

let server: RunningServer | null = null;
/** Settles when the server has started or failed; what is said meanwhile waits for it. */
let started: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "start") {
    started = start(data);
  } else {
    void started.then(() => handle(data));
  }
};

function handle(data: Exclude<ToWorker, { type: "start" }>): void {
  switch (data.type) {
    case "neighbour":
      return server?.bridge?.connect(data.neighbour.index, data.neighbour.port);
    case "show":
      return void server?.view?.snapshot().then((snapshot) =>
        say({ type: "shown", id: data.id, snapshot })
      );
    case "kick":
      return void server?.view?.kick(data.clientId).then((isDone) =>
        say({ type: "kicked", id: data.id, isDone })
      );
    case "stop":
      void server?.stop().then(() => say({ type: "stopped" }));
      return;
    default:
      data satisfies never;
  }
}

async function start(order: ToWorker & { type: "start" }): Promise<void> {
  const { index, count, edgeId, config, neighbours } = order;
  const network = createDenoNetwork({ isPortShared: true });
  try {
    server = startServer(config, {
      network,
      clock: await FairClock.open(network, systemClock),
      logger: createLogger(config.log.level),
      createHttp: await loadHttp(config),
      loop: { index, count, edgeId, neighbours },
    });
    say({ type: "listening" });
  } catch (error) {
    say({ type: "failed", reason: describeError(error) });
  }
}

/** Lines are written by the main thread, so that no two come at once. */
function createLogger(lowestLevel: LogLevel, layer = "edge", id?: string): Logger {
  function at(level: LogLevel) {
    const isWanted = LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(lowestLevel);
    return (message: string, fields: LogFields = {}) => {
      if (isWanted) say({ type: "log", level, layer, id, message, fields });
    };
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warning: at("warning"),
    error: at("error"),
    for: (layer, id) => createLogger(lowestLevel, layer, id),
  };
}

function say(message: FromWorker): void {
  self.postMessage(message);
}
