/** Prints what `onStopSignal` reports, a line each. The first stop signal does not end it. */
import type { Logger } from "../../../lib/base/log.ts";
import { onStopSignal } from "../../../lib/cli/signals.ts";

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

onStopSignal((signal) => print(`stop ${signal}`), logger);
// A signal listener alone does not keep the program running.
setInterval(() => {}, 60_000);
print("ready");
