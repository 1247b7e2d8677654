/// <reference lib="deno.worker" />
/** A worker thread of the server that crashes or hangs on request. */

import "../../lib/app/worker_main.ts";

self.addEventListener("message", (event) => {
  const { data } = event as MessageEvent;
  if (data.type === "die") throw new Error("crashed on request");
  if (data.type !== "hang") return;
  for (const endMs = performance.now() + data.ms; performance.now() < endMs;);
});
