import { assertRejects } from "./assert.ts";
import { until } from "./until.ts";

function pauseProcess(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

Deno.test("until() waits for what happens soon after a pause that is longer than its timeout", async () => {
  let hasHappened = false;
  setTimeout(() => {
    pauseProcess(600);
    setTimeout(() => hasHappened = true, 50);
  }, 10);
  await until("it", () => hasHappened, { timeoutMs: 300 });
});

Deno.test("until() gives up after its timeout", async () => {
  await assertRejects(() => until("nothing", () => false, { timeoutMs: 60 }), Error, "nothing");
});
