/**
 * Runs the program in this process, and tries what a hostile dependency would once the server
 * listens. Prints one line of JSON: what was possible, by attempt.
 *
 * Arguments: a folder outside the configured paths, then those of the program.
 */

import { spawnSync } from "node:child_process";
import process from "node:process";
import { runCli } from "../../../lib/cli/run.ts";
import { say } from "../../helpers/say.ts";

const [outside = "", ...args] = Deno.args;

const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  "run a program": () => new Deno.Command("true").outputSync(),
  "run a program by Node": () => {
    const { error } = spawnSync("true");
    if (error) throw error;
  },
  "signal a process": () => Deno.kill(Deno.ppid, "SIGWINCH"),
  "load native code": () => Deno.dlopen("libc.so.6", {}),
  "load native code by Node": () => process.dlopen({ exports: {} }, "/lib/addon.node"),
  "read HOME": () => Deno.env.get("HOME"),
  "read HOME by Node": () => {
    if (process.env["HOME"] === undefined) throw new Error("not set");
  },
  "list variables": () => Deno.env.toObject(),
  "read SRS_LISTEN after the start": () => Deno.env.get("SRS_LISTEN"),
  "read variables from /proc": () => Deno.readTextFileSync("/proc/self/environ"),
  "read the host name": () => Deno.hostname(),
  "load code over the network": () => import(["https:", "", "127.0.0.1:1", "a.ts"].join("/")),
  "get a permission back": () => {
    const { state } = Deno.permissions.requestSync({ name: "run" });
    if (state !== "granted") throw new Error(state);
  },
  "write outside": () => Deno.writeTextFileSync(`${outside}/a.txt`, ""),
  "rename outside": () => Deno.renameSync(`${outside}/kept.txt`, `${outside}/moved.txt`),
  "link outside": () => Deno.symlinkSync("/etc/passwd", `${outside}/link`),
  "write outside in a thread": () => writeInWorker(),
};

const done = runCli(args);
await untilListening(Number(args.at(-1)!.split(":")[1]));
const results: Record<string, boolean> = {};
for (const [what, attempt] of Object.entries(ATTEMPTS)) {
  try {
    await attempt();
    results[what] = true;
  } catch {
    results[what] = false;
  }
}
say(JSON.stringify(results));
setTimeout(() => Deno.exit(0), 100);
await done;

async function untilListening(port: number): Promise<void> {
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

function writeInWorker(): Promise<void> {
  const code = `try { Deno.writeTextFileSync(${JSON.stringify(`${outside}/b.txt`)}, "");
    self.postMessage(true); } catch { self.postMessage(false); }`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const worker = new Worker(url, { type: "module" });
  return new Promise<void>((resolve, reject) => {
    worker.onmessage = ({ data }) => data === true ? resolve() : reject(new Error("refused"));
    worker.onerror = reject;
  }).finally(() => worker.terminate());
}
