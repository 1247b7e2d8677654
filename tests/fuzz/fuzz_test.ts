/** A short run of every target with a fixed seed, and all inputs that ever made one fail. */

import { assert, assertEquals, assertNotEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { readCorpus } from "./corpus.ts";
import { fuzz, runWithinBounds } from "./fuzzer.ts";
import { SeededRandom } from "./random.ts";
import { findTarget, FUZZ_TARGETS, type FuzzTarget } from "./targets.ts";

/** About a tenth of a second for each target. */
const RUNS = 150;

for (const target of FUZZ_TARGETS) {
  Deno.test(`fuzz() finds nothing wrong with ${target.name} in ${RUNS} runs`, async () => {
    const { crash, answers } = await fuzz(target, { seed: 1, isDone: (runs) => runs === RUNS });
    if (crash !== null) throw crash.error;
    assert(answers >= 3, "no mutation gets a new answer");
  });

  Deno.test(`FUZZ_TARGETS has seeds for ${target.name} that it accepts`, async () => {
    for (const seed of target.seeds) {
      const answer = await target.run(seed);
      assert(/\bok\b/.test(answer), answer);
    }
  });
}

Deno.test({
  ...(await needs("read")),
  name: "FUZZ_TARGETS pass with every input of the corpus",
  fn: async () => {
    for (const { target: name, file, input } of await readCorpus()) {
      const target = findTarget(name);
      assert(target !== undefined, `${name}/${file} belongs to an unknown target`);
      await runWithinBounds(target, input);
    }
  },
});

/** Fails when an input has grown by half. */
const FRAGILE: FuzzTarget = {
  name: "fragile",
  seeds: [new Uint8Array(40)],
  tokens: [],
  run(input) {
    if (input.length > 60) throw new RangeError("grown");
    return String.fromCharCode(97 + input.length % 26);
  },
};

Deno.test("fuzz() returns the input that makes a target fail", async () => {
  const { crash } = await fuzz(FRAGILE, { seed: 1, isDone: (runs) => runs === 10_000 });
  assert(crash?.error instanceof RangeError);
  assert(crash.input.length > 60);
});

Deno.test("fuzz() does the same with the same seed", async () => {
  const run = async (seed: number) => {
    const { runs, crash } = await fuzz(FRAGILE, { seed, isDone: (runs) => runs === 10_000 });
    return `${runs} ${crash?.input}`;
  };
  assertEquals(await run(7), await run(7));
  assertNotEquals(await run(7), await run(8));
});

Deno.test("SeededRandom.below() stays below its limit and reaches every number", () => {
  const random = new SeededRandom(5);
  const seen = new Set(Array.from({ length: 1000 }, () => random.below(10)));
  assertEquals([...seen].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(random.below(0), 0);
});
