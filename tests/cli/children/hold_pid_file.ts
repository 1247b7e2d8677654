/** Holds the pid file named on the command line until SIGTERM; `--replace` takes it over. */
import { acquirePidFile, replacePidFile } from "../../../lib/cli/pid_file.ts";

const [path, option] = Deno.args;
const pidFile = await (option === "--replace" ? replacePidFile : acquirePidFile)(path!);
Deno.addSignalListener("SIGTERM", () => {
  pidFile.release();
  Deno.exit(0);
});
Deno.stdout.writeSync(new TextEncoder().encode("held\n"));
// A signal listener alone does not keep the program running.
setInterval(() => {}, 60_000);
