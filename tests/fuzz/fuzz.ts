/**
 * `deno task fuzz [--target NAME] [--seconds N] [--seed N]`: fuzzes one target, or each in turn,
 * for that many seconds. An input that makes a target fail is saved to the corpus, which the tests
 * replay.
 */

// @ts-types="../../lib/cli/std_parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { say } from "../helpers/say.ts";
import { saveToCorpus } from "./corpus.ts";
import { fuzz } from "./fuzzer.ts";
import { findTarget, FUZZ_TARGETS, type FuzzTarget } from "./targets.ts";

interface Session {
  readonly targets: readonly FuzzTarget[];
  readonly seconds: number;
  readonly seed: number;
}

function parseSession(args: readonly string[]): Session | null {
  const options = parseArgs(args, { string: ["target", "seconds", "seed"] });
  const { target: name, seconds = "10", seed = String(Date.now() >>> 0) } = options;
  const target = findTarget(String(name));
  if (name !== undefined && target === undefined) return null;
  if (![seconds, seed].every((text) => /^\d+$/.test(String(text)))) return null;
  return {
    targets: target === undefined ? FUZZ_TARGETS : [target],
    seconds: Number(seconds),
    seed: Number(seed),
  };
}

/** Fuzzes one target. @returns whether it passed */
async function runSession(target: FuzzTarget, { seconds, seed }: Session): Promise<boolean> {
  const endMs = performance.now() + seconds * 1000;
  const result = await fuzz(target, { seed, isDone: () => performance.now() >= endMs });
  const { runs, answers, crash } = result;
  say(`${target.name}: ${runs} runs, ${answers} different answers, seed ${seed}`);
  if (crash === null) return true;
  const file = await saveToCorpus(target.name, crash.input);
  const { error } = crash;
  say(`${target.name} failed; input saved to ${file}`);
  say(error instanceof Error ? error.stack ?? error.message : String(error));
  return false;
}

async function main(): Promise<number> {
  const session = parseSession(Deno.args);
  if (session === null) {
    const names = FUZZ_TARGETS.map(({ name }) => name).join("|");
    say(`Usage: deno task fuzz [--target ${names}] [--seconds N] [--seed N]`);
    return 64;
  }
  let exitCode = 0;
  for (const target of session.targets) {
    if (!await runSession(target, session)) exitCode = 1;
  }
  return exitCode;
}

Deno.exit(await main());
