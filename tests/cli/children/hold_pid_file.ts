/** Holds the pid file named on the command line until SIGTERM. */
import { acquirePidFile } from "../../../lib/cli/pid_file.ts";

const pidFile = await acquirePidFile(Deno.args[0]!);
Deno.addSignalListener("SIGTERM", () => {
  pidFile.release();
  Deno.exit(0);
});
Deno.stdout.writeSync(new TextEncoder().encode("held\n"));
// A signal listener alone does not keep the program running.
setInterval(() => {}, 60_000);
