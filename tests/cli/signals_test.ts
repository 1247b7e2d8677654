import { assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { CHILD_TIMEOUT_MS, endOf, startChild } from "../helpers/child.ts";

const granted = await needs("read", "run");
const CHILD = "cli/children/wait_for_signals.ts";

const STOP_SIGNALS = [
  { signal: "SIGINT", role: "stop" },
  { signal: "SIGTERM", role: "stop" },
  { signal: "SIGQUIT", role: "drain" },
] as const;

/** Sends a signal and waits for the line that it causes. */
async function send(child: ChildProcess, signal: Deno.Signal, line: string): Promise<void> {
  Deno.kill(child.pid, signal);
  await child.waitForLine(new RegExp(`^${line}$`), CHILD_TIMEOUT_MS);
}

for (const { signal, role } of STOP_SIGNALS) {
  Deno.test({
    ...granted,
    name: `Signals calls ${role} at the first ${signal}, and ends the process at a second signal`,
    async fn() {
      for (const second of ["SIGINT", signal] as const) {
        await using child = startChild(CHILD);
        await child.waitForLine(/^ready$/, CHILD_TIMEOUT_MS);
        await send(child, signal, `${role} ${signal}`);
        await send(child, "SIGHUP", "SIGHUP ignored: the program is stopping");
        await send(child, "SIGUSR1", "reopen SIGUSR1");
        Deno.kill(child.pid, second);
        assertEquals(await endOf(child), { success: false, code: 1, signal: null });
        assertEquals(child.stdout.at(-1), "Second stop signal; exiting immediately");
      }
    },
  });
}

Deno.test({
  ...granted,
  ignore: granted.ignore || Deno.build.os !== "linux",
  name: "Signals lets no signal end the process that a program can catch, except crashes",
  async fn() {
    await using child = startChild(CHILD);
    await child.waitForLine(/^ready$/, CHILD_TIMEOUT_MS);
    await send(child, "SIGHUP", "reload SIGHUP");
    await send(child, "SIGUSR1", "reopen SIGUSR1");
    const others = "USR2 ALRM VTALRM PROF IO PWR STKFLT XCPU XFSZ PIPE".split(" ");
    for (const name of others) {
      const signal = `SIG${name}` as Deno.Signal;
      Deno.kill(child.pid, signal);
      // The runtime ignores SIGPIPE itself.
      if (name === "PIPE") continue;
      await send(child, signal, `${signal} ignored: it has no meaning here`);
    }
    await send(child, "SIGHUP", "reload SIGHUP");
    assertEquals(child.status, undefined);
  },
});

Deno.test({
  ...granted,
  name: "Signals keeps signals that arrive while the program starts, in their order",
  async fn() {
    await using child = startChild(CHILD, "late");
    await child.waitForLine(/^listening$/, CHILD_TIMEOUT_MS);
    const order: Deno.Signal[] = ["SIGHUP", "SIGUSR2", "SIGTERM"];
    for (const signal of order) {
      Deno.kill(child.pid, signal);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await child.waitForLine(/^ready$/, CHILD_TIMEOUT_MS);
    assertEquals(child.stdout, [
      "listening",
      "reload SIGHUP",
      "SIGUSR2 ignored: it has no meaning here",
      "stop SIGTERM",
      "ready",
    ]);
  },
});
