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
import type { SourceText } from "./tidy/source_text.ts";
import { findBannedNames, findBannedWords, findBannedWordsInText } from "./tidy/words.ts";
import ratchet from "./tidy/ratchet.json" with { type: "json" };

const granted = await needs("read");

Deno.test({
  ...granted,
  name: "the repository keeps to its rules",
  async fn() {
    const repository = await readRepository();
    assertEquals(repository.modules.size > 300, true, `found ${repository.modules.size} modules`);
    const known: Readonly<Record<string, readonly string[]>> = ratchet;
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

type ModuleRule = (path: string, file: SourceText) => Finding[];
type TextRule = (path: string, text: string) => Finding[];
type TreeRule = (modules: Repository["modules"]) => ReadonlyMap<string, Finding[]>;

/** Every finding in the repository, with its rule and file. */
function* findAll(repository: Repository): Generator<[rule: string, path: string, Finding]> {
  const { modules, texts } = repository;
  const rules = rulesFor(repository);
  for (const [path, file] of modules) {
    for (const [rule, find] of Object.entries(rules.modules)) {
      for (const finding of find(path, file)) yield [rule, path, finding];
    }
  }
  for (const [path, text] of texts) {
    for (const [rule, find] of Object.entries(rules.texts)) {
      for (const finding of find(path, text)) yield [rule, path, finding];
    }
  }
  for (const [rule, find] of Object.entries(rules.trees)) {
    for (const [path, findings] of find(modules)) {
      for (const finding of findings) yield [rule, path, finding];
    }
  }
}

function rulesFor({ modules, texts, exists }: Repository): {
  readonly modules: Readonly<Record<string, ModuleRule>>;
  readonly texts: Readonly<Record<string, TextRule>>;
  readonly trees: Readonly<Record<string, TreeRule>>;
} {
  const testNames = [...modules].flatMap(([path, file]) =>
    path.startsWith("tests/") ? testNamesOf(file) : []
  );
  return {
    modules: {
      "comment width": findWideComments,
      "file length": findLongFile,
      "function length": findLongFunctions,
      "constructors": findActingConstructors,
      "docstrings": findUndocumentedExports,
      "file comment": findMisplacedComment,
      "warnings": findBareWarnings,
      "errors": findRoughErrors,
      "deviations": (path, file) => findUntestedDeviations(path, file, testNames),
      "files named": (path, file) => findMissingFiles(path, file, exists),
      "words": findBannedWords,
      "names": findBannedNames,
      "leaks": (path, { source }) => findLeaks(path, source),
    },
    texts: {
      "links": (path, text) => findBrokenLinks(path, text, exists),
      "files named": (path, text) => findMissingFiles(path, text, exists),
      "words": findBannedWordsInText,
      "leaks": findLeaks,
    },
    trees: {
      "dead exports": findDeadExports,
      "cycles": findCycles,
      "orphans": (modules) => findOrphans(modules, [...texts.values()]),
    },
  };
}
