/// <reference lib="deno.worker" />
/** The entry of a worker thread: one event loop with its own listeners, sockets and streams. */

import { systemClock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../base/log.ts";
import { createDenoNetwork } from "../io/tcp.ts";
import { FairClock } from "../io/fair_clock.ts";
import { type RunningServer, startServer } from "./compose.ts";
import { loadHttp } from "./load_http.ts";
import type { FromWorker, ToWorker } from "../threads/worker_message.ts";

let server: RunningServer | null = null;
/** Settles when the server has started or failed; messages wait for it. */
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
    case "peer":
      return server?.bridge?.connect(data.peer.index, data.peer.port);
    case "show":
      return void server?.view?.snapshot().then((snapshot) =>
        post({ type: "shown", id: data.id, snapshot })
      );
    case "kick":
      return void server?.view?.kick(data.clientId).then((isDone) =>
        post({ type: "kicked", id: data.id, isDone })
      );
    case "stop":
      void server?.stop().then(() => post({ type: "stopped" }));
      return;
    default:
      data satisfies never;
  }
}

async function start(order: ToWorker & { type: "start" }): Promise<void> {
  const { index, count, edgeId, config, peers } = order;
  const network = createDenoNetwork({ isPortShared: true });
  try {
    server = startServer(config, {
      network,
      clock: await FairClock.open(network, systemClock),
      logger: createLogger(config.log.level),
      createHttp: await loadHttp(config),
      thread: { index, count, edgeId, peers },
    });
    post({ type: "listening" });
  } catch (error) {
    post({ type: "failed", reason: describeError(error) });
  }
}

/** The main thread writes the lines, one at a time. */
function createLogger(lowestLevel: LogLevel, layer = "edge", id?: string): Logger {
  function at(level: LogLevel) {
    const isWanted = LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(lowestLevel);
    return (message: string, fields: LogFields = {}) => {
      if (isWanted) post({ type: "log", level, layer, id, message, fields });
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

function post(message: FromWorker): void {
  self.postMessage(message);
}
