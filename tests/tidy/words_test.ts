import { assertEquals } from "../helpers/assert.ts";
import { readSource } from "./source_text.ts";
import { findBannedNames, findBannedWords, findBannedWordsInText } from "./words.ts";

const RIGHT = [
  "// The client that asks first",
  "/** Continues with the next video frame. */",
  'const a = "H.264 picture parameter set";',
  "const somebody = 1;",
  "// indoors",
] as const;

for (const source of RIGHT) {
  Deno.test(`findBannedWords() lets pass: ${source}`, () => {
    assertEquals(findBannedWords("lib/a.ts", readSource(source)), []);
  });
}

const WRONG = [
  { source: "\n// Whoever asks first", line: 2, found: "Whoever" },
  { source: '\n\nlog("Stream goes on");', line: 3, found: "goes on" },
  { source: "const a = `${b} pictures`;", line: 1, found: "pictures" },
  { source: "/**\n * The stream goes\n * on at once.\n */", line: 2, found: "goes * on" },
  { source: "// The stream goes\n// on at once.", line: 1, found: "goes // on" },
] as const;

for (const { source, line, found } of WRONG) {
  Deno.test(`findBannedWords() finds "${found}"`, () => {
    const [finding, ...more] = findBannedWords("lib/a.ts", readSource(source));
    assertEquals([finding?.line, finding?.message.startsWith(`"${found}" is banned; `)], [
      line,
      true,
    ]);
    assertEquals(more, []);
  });
}

Deno.test("findBannedWordsInText() finds a phrase over two lines", () => {
  const found = findBannedWordsInText("README.md", "# Title\n\nOne place to\nbegin.\n");
  assertEquals(found, [{ line: 3, message: '"place to begin" is banned; better: join point' }]);
});

for (const name of ["readPictureSize", "StreamWish", "goOn", "WORDS_OF"]) {
  Deno.test(`findBannedNames() finds ${name}, once`, () => {
    const source = `const a = ${name}(b);\n${name}(c);\n`;
    const message = `Name "${name}" is not in the glossary; take the field's word`;
    assertEquals(findBannedNames("lib/a.ts", readSource(source)), [{ line: 1, message }]);
  });
}

Deno.test("findBannedNames() lets strings, comments and longer words pass", () => {
  const source = 'send("wish"); // deed\nconst indeed = cargoOn;\n';
  assertEquals(findBannedNames("lib/a.ts", readSource(source)), []);
});
