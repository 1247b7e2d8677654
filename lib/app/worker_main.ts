/// <reference lib="deno.worker" />
/** The entry of a worker thread: one event loop with its own listeners, sockets and streams. */

import { systemClock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../base/log.ts";
import { createDenoNetwork } from "../io/tcp.ts";
import { AwakeClock } from "../io/awake_clock.ts";
import { FairClock } from "../io/fair_clock.ts";
import { startServer } from "./compose.ts";
import { loadHttp } from "./load_http.ts";
import { ownHeap } from "./memory_trim.ts";
import type { RunningServer } from "./relay_server.ts";
import type { FromWorker, ToWorker } from "../threads/worker_message.ts";

let server: RunningServer | null = null;
let lowestLevel: LogLevel = "info";
/** Settles when the server has started or failed; messages wait for it. */
let started: Promise<void> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "start") {
    started = start(data);
  } else if (data.type === "ping") {
    post({ type: "pong" });
  } else {
    void started.then(() => handle(data));
  }
};

function handle(data: Exclude<ToWorker, { type: "start" | "ping" }>): void {
  switch (data.type) {
    case "peer":
      return server?.bridge?.connect(data.peer.index, data.peer.port);
    case "show":
      return void server?.view.snapshot().then((snapshot) =>
        post({ type: "shown", id: data.id, snapshot })
      );
    case "kick":
      return void server?.view.kick(data.clientId).then((isDone) =>
        post({ type: "kicked", id: data.id, isDone })
      );
    case "ban":
      return void server?.view.ban(data.bans);
    case "lift":
      return void server?.view.lift(data.ip);
    case "move":
      return void server?.view.move(data.selector, data.target).then((counts) =>
        post({ type: "moved", id: data.id, counts })
      );
    case "finish":
      // A worker has no API.
      return void server?.finishListening(false).then(() =>
        post({ type: "finished", id: data.id })
      );
    case "resume":
      return void failureOf(() => server?.resume()).then((failure) =>
        post({ type: "resumed", id: data.id, failure })
      );
    case "count":
      return void server?.countClients().then((counts) =>
        post({ type: "counted", id: data.id, counts })
      );
    case "open":
      return void server?.openHandover(data.token).then((port) =>
        post({ type: "opened", id: data.id, port })
      );
    case "take over":
      return void server?.takeOver(data.target);
    case "apply":
      return void failureOf(() => server?.apply(data.config)).then((failure) =>
        post({ type: "applied", id: data.id, failure })
      );
    case "stop":
      void server?.stop().then(() => post({ type: "stopped" }));
      return;
    default:
      data satisfies never;
  }
}

/** Returns why `task` fails, or null. */
async function failureOf(task: () => Promise<unknown> | undefined): Promise<string | null> {
  try {
    await task();
    return null;
  } catch (error) {
    return describeError(error);
  }
}

async function start(order: ToWorker & { type: "start" }): Promise<void> {
  const { index, count, edgeId, config, isListening, peers, bans } = order;
  lowestLevel = config.log.level;
  const network = createDenoNetwork({ isPortShared: () => true });
  try {
    server = startServer(config, {
      network,
      clock: new AwakeClock(await FairClock.open(network, systemClock)),
      logger: createLogger("edge"),
      configureLog: ({ level }) => {
        lowestLevel = level;
        return null;
      },
      createHttp: await loadHttp(config),
      heap: ownHeap(),
      thread: { index, count, edgeId, peers },
    });
    if (!isListening) await server.finishListening(false);
    await server.view.ban(bans);
    post({ type: "listening" });
  } catch (error) {
    post({ type: "failed", reason: describeError(error) });
  }
}

/** The main thread writes the lines, one at a time. */
function createLogger(layer: string, id?: string): Logger {
  function at(level: LogLevel) {
    return (message: string, fields: LogFields = {}) => {
      const isWanted = LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(lowestLevel);
      if (isWanted) post({ type: "log", level, layer, id, message, fields });
    };
  }
  return {
    debug: at("debug"),
    info: at("info"),
    warning: at("warning"),
    error: at("error"),
    for: createLogger,
  };
}

function post(message: FromWorker): void {
  self.postMessage(message);
}
