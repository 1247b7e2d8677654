import { assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { CHILD_TIMEOUT_MS, endOf, startChild } from "../helpers/child.ts";

const granted = await needs("read", "run");

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    ...granted,
    name: `onStopSignal() calls the handler at the first ${signal} and exits at the second`,
    async fn() {
      await using child = startChild("cli/children/wait_for_signals.ts");
      await child.waitForLine(/^ready$/, CHILD_TIMEOUT_MS);
      Deno.kill(child.pid, signal);
      await child.waitForLine(new RegExp(`^stop ${signal}$`), CHILD_TIMEOUT_MS);
      Deno.kill(child.pid, signal);
      assertEquals(await endOf(child), { success: false, code: 1, signal: null });
      assertEquals(child.stdout, [
        "ready",
        `stop ${signal}`,
        "Second stop signal; exiting immediately",
      ]);
    },
  });
}

Deno.test({
  ...granted,
  name: "onStopSignal() ignores SIGHUP and logs that reload is not supported",
  async fn() {
    await using child = startChild("cli/children/wait_for_signals.ts");
    await child.waitForLine(/^ready$/, CHILD_TIMEOUT_MS);
    Deno.kill(child.pid, "SIGHUP");
    await child.waitForLine(
      /^SIGHUP ignored: reload is not supported; restart to apply changes$/,
      CHILD_TIMEOUT_MS,
    );
    Deno.kill(child.pid, "SIGTERM");
    await child.waitForLine(/^stop SIGTERM$/, CHILD_TIMEOUT_MS);
    // The first stop signal does not end it, and disposing of it sends SIGTERM again.
  },
});
