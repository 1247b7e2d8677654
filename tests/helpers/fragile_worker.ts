/// <reference lib="deno.worker" />
/** A worker thread of the server that dies when it is told to. */

import "../../lib/app/worker_main.ts";

self.addEventListener("message", (event) => {
  const { data } = event as MessageEvent;
  if (data.type === "die") throw new Error("a fault that nobody has thought of");
});
