import { assertEquals } from "../helpers/assert.ts";
import { findUnknownLines, findUnlistedLines } from "./log_lines.ts";
import { readSource } from "./source_text.ts";

const PAGE = `
| level             | line                 | meaning |
| ----------------- | -------------------- | ------- |
| warn              | \`Disk full: …\`       | free it |
| info, warn        | \`Client refused: …\`  |         |
| warn, info, debug | \`Pull failed: …\`     |         |
`;

const SOURCES = [
  { source: "logger.warning(`Disk full: ${error}`, { fix });", found: 0 },
  { source: "this.#logger.info(`Client refused: ${why}`);", found: 0 },
  { source: "logger[level](`Pull failed: ${why}`);", found: 0 },
  { source: 'problems.error(at, "Value is missing");', found: 0 },
  { source: "logger.error(`Disk full: ${error}`);", found: 1 },
  { source: "logger[level](`Disk full: ${error}`);", found: 1 },
  { source: 'logger.info(\n  "Began " +\n    "early",\n);', found: 1 },
  { source: 'logging.notice("Started");', found: 1 },
] as const;

for (const { source, found } of SOURCES) {
  Deno.test(`findUnlistedLines() finds ${found} in ${source}`, () => {
    assertEquals(findUnlistedLines("lib/a.ts", readSource(source), PAGE).length, found);
  });
}

Deno.test("findUnknownLines() finds lines of the page that nothing logs", () => {
  const modules = new Map([
    ["lib/a.ts", readSource("logger.warning(`Disk full: ${error}`);")],
    ["lib/b.ts", readSource("logger[level](`${this.title} failed: ${why}`);")],
  ]);
  const findings = findUnknownLines(PAGE, modules);
  assertEquals(findings.map(({ message }) => message), ['No such log line: "Client refused: …"']);
});
