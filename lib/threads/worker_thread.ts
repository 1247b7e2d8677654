import type { ToWorker } from "./worker_message.ts";

/** Starts a thread that waits for its first message. */
export function createThread(): Worker {
  return new Worker(new URL(workerModule(), import.meta.url), { type: "module" });
}

/** The executable holds two bundled files, the program and the worker (`deno task bundle`). */
function workerModule(): string {
  return import.meta.url.endsWith(".ts") ? "../app/worker_main.ts" : "./lib/app/worker_main.js";
}

/** Sends a message with the ports in it. */
export function post(worker: Worker, message: ToWorker): void {
  worker.postMessage(message, portsOf(message));
}

function portsOf(message: ToWorker): MessagePort[] {
  switch (message.type) {
    case "start":
      return message.peers.map(({ port }) => port);
    case "peer":
      return [message.peer.port];
    default:
      return [];
  }
}
