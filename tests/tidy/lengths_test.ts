import { assertEquals } from "../helpers/assert.ts";
import { findLongFile, findLongFunctions, findWideComments } from "./lengths.ts";
import { readSource } from "./source_text.ts";

const WORDS = "word ".repeat(20);

const COMMENTS = [
  { name: "a comment of 100 columns", source: `// ${"x".repeat(97)}\n`, lines: [] },
  { name: "a comment of 101 columns", source: `// ${"x".repeat(98)}\n`, lines: [1] },
  { name: "the second line of a doc comment", source: `/**\n * ${WORDS}\n */\n`, lines: [2] },
  { name: "a comment behind code", source: `let a; // ${WORDS}\n`, lines: [1] },
  { name: "a link", source: `// https://example.org/${WORDS}\n`, lines: [] },
  { name: "a long string", source: `const a = "// ${WORDS}";\n`, lines: [] },
] as const;

for (const { name, source, lines } of COMMENTS) {
  Deno.test(`findWideComments() finds ${lines.length} in ${name}`, () => {
    const found = findWideComments("lib/a.ts", readSource(source));
    assertEquals(found.map(({ line }) => line), [...lines]);
  });
}

const FILES = [
  { path: "lib/a.ts", lines: 400, found: 0 },
  { path: "lib/a.ts", lines: 401, found: 1 },
  { path: "tests/a_test.ts", lines: 800, found: 0 },
  { path: "tests/a_test.ts", lines: 801, found: 1 },
  { path: "lib/config/schema.ts", lines: 1000, found: 0 },
] as const;

for (const { path, lines, found } of FILES) {
  Deno.test(`findLongFile() finds ${found} in ${path} of ${lines} lines`, () => {
    assertEquals(findLongFile(path, readSource("a;\n".repeat(lines))).length, found);
  });
}

const body = (lines: number) => "  run();\n".repeat(lines);

const FUNCTIONS = [
  { name: "70 lines", source: `function a() {\n${body(68)}}\n`, lines: [] },
  { name: "a function", source: `function a() {\n${body(69)}}\n`, lines: [1] },
  { name: "a generator", source: `\nfunction* a(b: { c: d }) {\n${body(69)}}\n`, lines: [2] },
  { name: "a return type", source: `function a(): Promise<void> {\n${body(69)}}\n`, lines: [1] },
  { name: "an object type", source: `function a(): { b: c } | null {\n${body(69)}}\n`, lines: [1] },
  { name: "an arrow", source: `const a = (b) => {\n${body(69)}};\n`, lines: [1] },
  { name: "a method", source: `class A {\n  #b() {\n${body(69)}  }\n}\n`, lines: [2] },
  { name: "a class", source: `class A extends B {\n  a(): b;\n${body(69)}}\n`, lines: [] },
  { name: "an object", source: `const a = b(c) ? d(e) : {\n${body(69)}};\n`, lines: [] },
  { name: "an interface", source: `interface A {\n  a(): b;\n${body(69)}}\n`, lines: [] },
  { name: "a loop", source: `for (const a of b) {\n${body(69)}}\n`, lines: [] },
  { name: "braces in a string", source: `function a() {\n  b("{");\n}\n${body(69)}`, lines: [] },
] as const;

for (const { name, source, lines } of FUNCTIONS) {
  Deno.test(`findLongFunctions() finds ${lines.length} in ${name}`, () => {
    const found = findLongFunctions("lib/a.ts", readSource(source));
    assertEquals(found.map(({ line }) => line), [...lines]);
  });
}
