import { assertEquals } from "../helpers/assert.ts";
import { lineOf, readSource } from "./source_text.ts";

const CASES = [
  { source: 'a("b {"); // c', code: 'a("   ");     ', comments: ["// c"], strings: ["b {"] },
  { source: "a /* { */ b", code: "a         b", comments: ["/* { */"], strings: [] },
  { source: "// a\n// b\nc", code: "    \n    \nc", comments: ["// a\n// b"], strings: [] },
  { source: "// a\n\n// b", code: "    \n\n    ", comments: ["// a", "// b"], strings: [] },
  { source: '"a\\"//b"', code: '"      "', comments: [], strings: ['a\\"//b'] },
  { source: "`a${b}c`", code: "` ${b} `", comments: [], strings: ["a", "c"] },
  {
    source: "`a${b({ c: `d${e}` })}f`",
    code: "` ${b({ c: ` ${e}` })} `",
    comments: [],
    strings: ["d", "", "a", "f"],
  },
  { source: 'a = /["/]{/g;', code: "a = /     /g;", comments: [], strings: [] },
  { source: "a / b / c", code: "a / b / c", comments: [], strings: [] },
] as const;

for (const { source, code, comments, strings } of CASES) {
  Deno.test(`readSource() takes apart ${JSON.stringify(source)}`, () => {
    const text = readSource(source);
    assertEquals(text.code, code);
    assertEquals(text.comments.map((each) => each.text), [...comments]);
    assertEquals(text.strings.map((each) => each.text).sort(), [...strings].sort());
  });
}

Deno.test("lineOf() counts from 1", () => {
  assertEquals([0, 1, 2, 3].map((at) => lineOf("a\nb\n", at)), [1, 1, 2, 2]);
});
