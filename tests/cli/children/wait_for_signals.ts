/**
 * Prints what `Signals` reports, a line each. With the argument `late`, signals are handled only
 * 1.5 s after it listens.
 */
import type { Logger } from "../../../lib/base/log.ts";
import { Signals } from "../../../lib/cli/signals.ts";

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
const logger: Logger = {
  debug: print,
  info() {},
  warning: print,
  error: print,
  for: () => logger,
};

const signals = Signals.listen();
print("listening");
if (Deno.args[0] === "late") {
  await new Promise((resolve) => setTimeout(resolve, 1_500));
}
signals.handle({
  stop: (signal) => print(`stop ${signal}`),
  drain: (signal) => print(`drain ${signal}`),
  reload: (signal) => print(`reload ${signal}`),
  reopenLogs: (signal) => print(`reopen ${signal}`),
  exitNow: () => Deno.exit(1),
}, logger);
// A signal listener alone does not keep the program running.
setInterval(() => {}, 60_000);
print("ready");
