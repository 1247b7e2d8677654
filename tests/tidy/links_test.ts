import { assertEquals } from "../helpers/assert.ts";
import { findBrokenLinks, findMissingFiles } from "./links.ts";
import { readSource } from "./source_text.ts";

const FILES = ["docs/http.md", "docs/plot.png", "lib/hub/stream.ts", "tests/edge/splice_test.ts"];
const exists = (path: string) => FILES.includes(path);

const LINKS = [
  { path: "README.md", text: "[a](docs/http.md#api)", found: [] },
  { path: "docs/a.md", text: "![a](plot.png) [b](#there) [c](https://a.example/b.md)", found: [] },
  {
    path: "docs/a.md",
    text: "\n[a](docs/http.md)",
    found: ["2: Link leads nowhere: docs/http.md"],
  },
  { path: "docs/a.md", text: "[a](../gone.md)", found: ["1: Link leads nowhere: ../gone.md"] },
] as const;

for (const { path, text, found } of LINKS) {
  Deno.test(`findBrokenLinks() finds ${found.length} in ${path}: ${JSON.stringify(text)}`, () => {
    const findings = findBrokenLinks(path, text, exists);
    assertEquals(findings.map(({ line, message }) => `${line}: ${message}`), [...found]);
  });
}

const NAMES = [
  { text: "`hub/stream.ts`, lib/hub/stream.ts, docs/http.md", found: [] },
  { text: "../edge/splice_test.ts", found: [] },
  { text: "splice_test.ts", found: [] },
  { text: "the segment live/show-7.ts", found: [] },
  { text: "\nhub/gone.ts", found: ["2: File does not exist: hub/gone.ts"] },
  { text: "gone_test.ts", found: ["1: File does not exist: gone_test.ts"] },
] as const;

for (const { text, found } of NAMES) {
  Deno.test(`findMissingFiles() finds ${found.length} in ${JSON.stringify(text)}`, () => {
    const findings = findMissingFiles("tests/edge/race_test.ts", text, exists);
    assertEquals(findings.map(({ line, message }) => `${line}: ${message}`), [...found]);
  });
}

Deno.test("findMissingFiles() reads the comments of a module", () => {
  const file = readSource('import "../gone/a.ts"; // see gone/b.ts\n');
  const message = "File does not exist: gone/b.ts";
  assertEquals(findMissingFiles("lib/a.ts", file, exists), [{ line: 1, message }]);
});
