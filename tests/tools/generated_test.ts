/** What is generated from the help of the program works. */

import { readCommandLine } from "../../tools/command_line.ts";
import { HELP_TEXT } from "../../lib/cli/help.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const ROOT_URL = new URL("../../", import.meta.url);

Deno.test("readCommandLine() finds every option and command of the help", () => {
  const { options, commands, exitCodes } = readCommandLine();
  const read = [...options, ...commands.flatMap(({ options }) => options)].map(({ long }) => long);
  const written = [...HELP_TEXT.matchAll(/--[a-z][\w-]*/g)].map(([name]) => name);
  assertEquals([...new Set(written)].sort(), [...new Set(read)].sort());
  assertEquals(commands[0], { name: "", operands: "[options]", text: "", options: [] });
  for (const { name, text } of commands.slice(1)) assert(text !== "", `edge ${name} has no text`);
  assertEquals(exitCodes.map(([code]) => code), ["0", "64", "78", "1"]);
});

Deno.test("readCommandLine() reads entries whose text is on further lines", () => {
  const line = readCommandLine([
    "edge 1.0.0: a server",
    "",
    "Examples",
    "  edge demo      an origin",
    "                 at work",
    "Usage",
    "  edge demo [--seconds N]",
    "Options",
    "  -c, --config FILE  a file",
    "      --log-level LEVEL",
    "                     low, middle or high",
    "Exit codes",
    "  0 success, 1 other failure",
  ].join("\n"));
  assertEquals(line.summary, "a server");
  assertEquals(line.commands[0]!.text, "an origin at work");
  assertEquals(line.commands[0]!.options.map(({ long, value }) => [long, value]), [
    ["--seconds", "N"],
  ]);
  assertEquals(line.options, [
    { short: "-c", long: "--config", value: "FILE", text: "a file", choices: [] },
    {
      short: "",
      long: "--log-level",
      value: "LEVEL",
      text: "low, middle or high",
      choices: ["low", "middle", "high"],
    },
  ]);
});

const COMPLETED: readonly (readonly [words: readonly string[], ...completions: string[]])[] = [
  [["edge", "--log-l"], "--log-level"],
  [["edge", "--log-level", "de"], "debug"],
  [["edge", "de"], "demo"],
  [["edge", "demo", "--se"], "--seconds"],
  [["edge", "--listen", "--"]],
  [["edge", "-c", "deno.j"], "deno.json"],
];

Deno.test({
  ...(await needs("read", "run")),
  name: "bash completes options, their values, commands and files",
  fn() {
    for (const [words, ...completions] of COMPLETED) {
      const script = 'source deploy/completions/edge.bash; COMP_WORDS=("$@"); ' +
        'COMP_CWORD=$(($# - 1)); _edge; echo "${COMPREPLY[@]}"';
      const { stdout } = new Deno.Command("bash", {
        args: ["-c", script, "bash", ...words],
        cwd: ROOT_URL,
      }).outputSync();
      const found = new TextDecoder().decode(stdout).trim().split(" ").filter(Boolean);
      assertEquals(found, completions, words.join(" "));
    }
  },
});
