import { assertEquals } from "../helpers/assert.ts";
import {
  findBareWarnings,
  findLeaks,
  findRoughErrors,
  findUntestedDeviations,
  testNamesOf,
} from "./messages.ts";
import { readSource } from "./source_text.ts";

const WARNINGS = [
  { source: "logger.warning(`Pull failed: ${reason}`, { origin });", found: 0 },
  { source: 'this.#logger.error("Cannot write", { path, fix });', found: 0 },
  { source: 'logger.for("hls").warning("Dropped", { fix: "use a faster disk" });', found: 0 },
  { source: 'options.logger.warning("SIGHUP ignored; restart to apply");', found: 0 },
  { source: "logger.warning(describe(problem));", found: 0 },
  { source: 'logger.info("Started");', found: 0 },
  { source: 'problems.error(at, "Value is missing", fix);', found: 0 },
  { source: 'logger.warning("Pull failed", { origin: name });', found: 1 },
  { source: 'logger.for("hls", id).error(\n  "Cannot write",\n);', found: 1 },
  { source: "this.#options.logger.warning(`Cannot write ${path}`);", found: 1 },
] as const;

for (const { source, found } of WARNINGS) {
  Deno.test(`findBareWarnings() finds ${found} in ${source}`, () => {
    assertEquals(findBareWarnings("lib/a.ts", readSource(source)).length, found);
  });
}

const ERRORS = [
  { source: 'throw new UsageError("Cannot read option", fix);', found: 0 },
  { source: 'new WireError("chunk.short", `Chunk ${id} is short`, { fix });', found: 0 },
  { source: 'new UpstreamError("play", "Origin refused");', found: 0 },
  { source: "new WireError(code, message);", found: 0 },
  { source: 'throw new UsageError("cannot read option", fix);', found: 1 },
  { source: 'new WireError(\n  "chunk.short",\n  "Chunk is short.",\n);', found: 1 },
  { source: 'new UpstreamError("play", "refused");', found: 1 },
] as const;

for (const { source, found } of ERRORS) {
  Deno.test(`findRoughErrors() finds ${found} in ${source}`, () => {
    assertEquals(findRoughErrors("lib/a.ts", readSource(source)).length, found);
  });
}

const DEVIATIONS = [
  { source: '// DEVIATION: a | because b | test "f() reads c"', found: 0 },
  { source: '/**\n * DEVIATION: a | because b | test "f() reads\n * c"\n */', found: 0 },
  { source: '// DEVIATION: a | because b | test "f() takes 7 bytes"', found: 0 },
  { source: "// DEVIATION: a | because b", found: 1 },
  { source: '// DEVIATION: a | because b | test "f() reads d"', found: 1 },
  { source: '/** DEVIATION: a\n * DEVIATION: b | test "f() reads c" */', found: 1 },
] as const;

for (const { source, found } of DEVIATIONS) {
  Deno.test(`findUntestedDeviations() finds ${found} in ${JSON.stringify(source)}`, () => {
    const names = ["f() reads c", "f() takes ${count} bytes"];
    assertEquals(findUntestedDeviations("lib/a.ts", readSource(source), names).length, found);
  });
}

Deno.test("testNamesOf() reads both ways to declare a test", () => {
  const source = 'Deno.test("a", f);\nDeno.test({\n  ...x,\n  name: `b ${c}`,\n});\n';
  assertEquals(testNamesOf(readSource(source)), ["a", "b ${c}"]);
});

const LEAKS = [
  { source: "// nginx-rtmp #838", found: 0 },
  { source: "color: #000;", found: 0 },
  { source: "mkdir /tmp/hls", found: 0 },
  { source: "\n// TODO: mend", found: 1 },
  { source: "see /work/main", found: 1 },
  { source: "cd /home/joe/edge", found: 1 },
  { source: 'import "https://deno.land/x/a.ts";', found: 1 },
  { source: "as issue 7 says", found: 1 },
  { source: "fixes #7", found: 1 },
] as const;

for (const { source, found } of LEAKS) {
  Deno.test(`findLeaks() finds ${found} in ${JSON.stringify(source)}`, () => {
    assertEquals(findLeaks("a.md", source).length, found);
  });
}
