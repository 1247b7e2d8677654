#!/usr/bin/env node
// Runs the bundled program on the `deno` package, with the flags of `deno task start`.
"use strict";

const { spawn } = require("node:child_process");
const { constants } = require("node:os");
const { join } = require("node:path");
const { runInstall } = require("deno/install_api.cjs");
const { denoFlags } = require("./package.json");

const args = ["run", ...denoFlags, join(__dirname, "main.js"), ...process.argv.slice(2)];
const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
// Finds the executable of this platform. The package's own command would keep signals from it.
const child = spawn(runInstall(), args, { stdio: "inherit", env });

// A terminal sends its signals to both processes; a second SIGINT would end the program at once.
const fromTerminal = process.stdin.isTTY ? ["SIGINT", "SIGQUIT", "SIGHUP"] : [];
for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2"]) {
  process.on(signal, () => fromTerminal.includes(signal) || child.kill(signal));
}
child.on("error", (error) => {
  process.stderr.write(`edge: ${error.message}\nfix: npm install -g edge-rtmp\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
