import { assertEquals } from "../helpers/assert.ts";
import { findMisplacedComment, findUndocumentedExports } from "./docstrings.ts";
import { readSource } from "./source_text.ts";

const EXPORTS = [
  { source: "/** A. */\nexport class A {}\n", lines: [] },
  { source: "/**\n * A.\n */\n// HOT: per message.\nexport function a() {}\n", lines: [] },
  { source: "const a = 1;\nexport { a };\nexport type { B } from './b.ts';\n", lines: [] },
  { source: "export class A {}\n", lines: [1] },
  { source: "/** The file. */\n\nexport abstract class A {}\n", lines: [3] },
  { source: "// Not a docstring.\nexport async function a() {}\n", lines: [2] },
  { source: "/** One of two. */\nexport const a = 1;\nexport const b = 2;\n", lines: [3] },
] as const;

for (const { source, lines } of EXPORTS) {
  const name = JSON.stringify(source);
  Deno.test(`findUndocumentedExports() finds ${lines.length} in ${name}`, () => {
    const found = findUndocumentedExports("lib/a.ts", readSource(source));
    assertEquals(found.map(({ line }) => line), [...lines]);
  });
}

const COMMENTS = [
  { source: "/** A. */\nexport class A {}\n", found: 0 },
  {
    source: "/** Two. */\n\n/** A. */\nexport class A {}\n/** B. */\nexport class B {}\n",
    found: 0,
  },
  { source: "/**\n * @typedef {object} B\n */\n\n/** A. */\nexport class A {}\n", found: 0 },
  { source: "/** One. */\n\n/** A. */\nexport class A {}\n", found: 1 },
] as const;

for (const { source, found } of COMMENTS) {
  Deno.test(`findMisplacedComment() finds ${found} in ${JSON.stringify(source)}`, () => {
    assertEquals(findMisplacedComment("lib/a.ts", readSource(source)).length, found);
  });
}
