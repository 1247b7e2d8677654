/** Holds the whole repository to the rules in `tests/tidy/`: one walk, one list of findings. */

import { assertEquals } from "./helpers/assert.ts";
import { needs } from "./helpers/permissions.ts";
import { findActingConstructors } from "./tidy/constructors.ts";
import { findMisplacedComment, findUndocumentedExports } from "./tidy/docstrings.ts";
import { findLongFile, findLongFunctions, findWideComments } from "./tidy/lengths.ts";
import { findBrokenLinks, findMissingFiles } from "./tidy/links.ts";
import {
  findBareWarnings,
  findLeaks,
  findRoughErrors,
  findUntestedDeviations,
  testNamesOf,
} from "./tidy/messages.ts";
import {
  findCycles,
  findDeadExports,
  findNeedlessTestExports,
  findOrphans,
} from "./tidy/modules.ts";
import { readRepository, type Repository } from "./tidy/repository.ts";
import type { Finding } from "./tidy/rule.ts";
import { findBannedNames, findBannedWords, findBannedWordsInText } from "./tidy/words.ts";
import ratchet from "./tidy/ratchet.json" with { type: "json" };

const granted = await needs("read");

/** The name of a rule, as the ratchet has it. */
type RuleName = string;

Deno.test({
  ...granted,
  name: "the repository keeps to its rules",
  async fn() {
    const repository = await readRepository();
    assertEquals(repository.modules.size > 300, true, `found ${repository.modules.size} modules`);
    const known: Readonly<Record<string, readonly RuleName[]>> = ratchet;
    const broken: string[] = [];
    const seen = new Set<string>();
    for (const [rule, path, { line, message }] of findAll(repository)) {
      seen.add(`${path} ${rule}`);
      if (known[path]?.includes(rule) !== true) broken.push(`${path}:${line}: ${message}`);
    }
    const mended = Object.entries(known).flatMap(([path, rules]) =>
      rules.filter((rule) => !seen.has(`${path} ${rule}`)).map((rule) => `${path} ${rule}`)
    );
    assertEquals(broken, []);
    assertEquals(mended, [], "tests/tidy/ratchet.json may only list what is still broken");
    assertEquals(findNeedlessTestExports(repository.modules), []);
  },
});

function* findAll(
  { modules, texts, exists }: Repository,
): Generator<[rule: RuleName, path: string, finding: Finding]> {
  const tests = [...modules].filter(([path]) => path.startsWith("tests/"));
  const testNames = tests.flatMap(([, file]) => testNamesOf(file));
  const found = function* (rule: RuleName, path: string, findings: readonly Finding[]) {
    for (const finding of findings) yield [rule, path, finding] as [RuleName, string, Finding];
  };
  for (const [path, file] of modules) {
    yield* found("comment width", path, findWideComments(path, file));
    yield* found("file length", path, findLongFile(path, file));
    yield* found("function length", path, findLongFunctions(path, file));
    yield* found("constructors", path, findActingConstructors(path, file));
    yield* found("docstrings", path, findUndocumentedExports(path, file));
    yield* found("file comment", path, findMisplacedComment(path, file));
    yield* found("warnings", path, findBareWarnings(path, file));
    yield* found("errors", path, findRoughErrors(path, file));
    yield* found("deviations", path, findUntestedDeviations(path, file, testNames));
    yield* found("files named", path, findMissingFiles(path, file, exists));
    // The rules name what they forbid.
    if (path.startsWith("tests/tidy/")) continue;
    yield* found("words", path, findBannedWords(path, file));
    yield* found("names", path, findBannedNames(path, file));
    yield* found("leaks", path, findLeaks(path, file.source));
  }
  for (const [path, text] of texts) {
    if (path.startsWith("tests/tidy/")) continue;
    yield* found("words", path, findBannedWordsInText(path, text));
    yield* found("leaks", path, findLeaks(path, text));
    if (path.endsWith(".md")) yield* found("links", path, findBrokenLinks(path, text, exists));
    if (/\.md$|^deno\.json$|^\.ci\/run$/.test(path)) {
      yield* found("files named", path, findMissingFiles(path, text, exists));
    }
  }
  for (const [path, findings] of findDeadExports(modules)) {
    yield* found("dead exports", path, findings);
  }
  for (const [path, findings] of findCycles(modules)) {
    yield* found("cycles", path, findings);
  }
  for (const [path, findings] of findOrphans(modules, [...texts.values()])) {
    yield* found("orphans", path, findings);
  }
}
