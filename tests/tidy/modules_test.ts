import { assertEquals } from "../helpers/assert.ts";
import { findCycles, findDeadExports, findOrphans } from "./modules.ts";
import { readSource } from "./source_text.ts";

type Files = Readonly<Record<string, string>>;

function read(files: Files) {
  return new Map(Object.entries(files).map(([path, source]) => [path, readSource(source)]));
}

const EXPORTS: readonly { name: string; files: Files; found: readonly string[] }[] = [
  {
    name: "an export that is imported",
    files: { "lib/a.ts": "export const x = 1;", "lib/b.ts": 'import { x as y } from "./a.ts";' },
    found: [],
  },
  {
    name: "a type that is imported over several lines",
    files: {
      "lib/a/a.ts": "export interface X {}",
      "lib/b.ts": 'import {\n  type X,\n} from "./a/a.ts";',
    },
    found: [],
  },
  {
    name: "a module that is imported whole",
    files: { "lib/a.ts": "export class X {}", "lib/b.ts": 'import * as a from "./a.ts";' },
    found: [],
  },
  {
    name: "a module that is loaded late",
    files: { "lib/a.ts": "export class X {}", "lib/b.ts": 'const a = await import("./a.ts");' },
    found: [],
  },
  {
    name: "an export that is passed on",
    files: {
      "lib/a.ts": "export class X {}",
      "lib/b.ts": 'export { X } from "./a.ts";',
      "main.ts": 'import { X } from "./lib/b.ts";',
    },
    found: [],
  },
  {
    name: "an export for its own file",
    files: { "lib/a.ts": "export const x = 1;\nconsole.log(x);" },
    found: ['lib/a.ts:1: Export "x" is dead; do not export it'],
  },
  {
    name: "an export whose name is in a string only",
    files: {
      "lib/a.ts": "\nexport async function x() {}",
      "lib/b.ts": "const a = 'import { x } from \"./a.ts\"';",
    },
    found: ['lib/a.ts:2: Export "x" is dead; do not export it'],
  },
  {
    name: "a function that only a test imports",
    files: {
      "lib/a.ts": "export function x() {}",
      "tests/a_test.ts": 'import { x } from "../lib/a.ts";',
    },
    found: ['lib/a.ts:1: Export "x" is for tests only; test what uses it instead'],
  },
  {
    name: "a type that only a test imports",
    files: {
      "lib/a.ts": "export type X = 1;",
      "tests/a_test.ts": 'import type { X } from "../lib/a.ts";',
    },
    found: [],
  },
];

for (const { name, files, found } of EXPORTS) {
  Deno.test(`findDeadExports() finds ${found.length} in ${name}`, () => {
    const findings = [...findDeadExports(read(files))].flatMap(([path, each]) =>
      each.map(({ line, message }) => `${path}:${line}: ${message}`)
    );
    assertEquals(findings, [...found]);
  });
}

const ORPHANS: readonly { name: string; files: Files; others: string[]; found: string[] }[] = [
  { name: "a file that nothing names", files: { "lib/a.ts": "" }, others: [], found: ["lib/a.ts"] },
  { name: "a test", files: { "tests/a_test.ts": "" }, others: [], found: [] },
  {
    name: "a file of a task",
    files: { "bench/run.ts": "" },
    others: ["deno run bench/run.ts"],
    found: [],
  },
  {
    name: "a worker",
    files: { "lib/w.ts": "", "tests/b_test.ts": 'new URL("../lib/w.ts", import.meta.url)' },
    others: [],
    found: [],
  },
  {
    name: "a file that is imported for its effects",
    files: { "lib/a.ts": "", "tests/b_test.ts": 'import "../lib/a.ts";' },
    others: [],
    found: [],
  },
];

for (const { name, files, others, found } of ORPHANS) {
  Deno.test(`findOrphans() finds ${found.length} in ${name}`, () => {
    const findings = [...findOrphans(read(files), others)];
    assertEquals(findings.filter(([, each]) => each.length > 0).map(([path]) => path), found);
  });
}

const CYCLES: readonly { name: string; files: Files; found: readonly string[] }[] = [
  {
    name: "a chain",
    files: { "lib/a.ts": 'import "./b.ts";', "lib/b.ts": 'import "./c.ts";', "lib/c.ts": "" },
    found: [],
  },
  {
    name: "two files, by type only",
    files: {
      "lib/a.ts": 'import type { B } from "./b.ts";',
      "lib/b.ts": 'import type { A } from "./a.ts";',
      "lib/c.ts": 'import "./a.ts";',
    },
    found: ["lib/a.ts → lib/b.ts → lib/a.ts", "lib/b.ts → lib/a.ts → lib/b.ts"],
  },
];

for (const { name, files, found } of CYCLES) {
  Deno.test(`findCycles() finds ${found.length} in ${name}`, () => {
    const findings = [...findCycles(read(files)).values()].flat();
    assertEquals(
      findings.map(({ message }) => message),
      found.map((way) => `Imports itself: ${way}`),
    );
  });
}
