/** Holds the whole repository to the rules in `tests/tidy/`: one walk, one list of findings. */

import { generatedFiles } from "../tools/generated_files.ts";
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
import { findUnknownLines, findUnlistedLines } from "./tidy/log_lines.ts";
import { findCycles, findDeadExports, findOrphans } from "./tidy/modules.ts";
import { readRepository, type Repository } from "./tidy/repository.ts";
import type { Finding } from "./tidy/rule.ts";
import type { SourceText } from "./tidy/source_text.ts";
import { findBannedNames, findBannedWords, findBannedWordsInText } from "./tidy/words.ts";

const granted = await needs("read");

Deno.test({
  ...granted,
  name: "the repository keeps to its rules",
  async fn() {
    const repository = await readRepository();
    assertEquals(repository.modules.size > 300, true, `found ${repository.modules.size} modules`);
    const findings = [...findAll(repository)].map(([path, { line, message }]) =>
      `${path}:${line}: ${message}`
    );
    assertEquals(findings, []);
  },
});

Deno.test({
  ...granted,
  name: "generated files are current: else run `deno task docs` and review the difference",
  async fn() {
    for (const [path, text] of Object.entries(generatedFiles())) {
      assertEquals(await Deno.readTextFile(new URL(`../${path}`, import.meta.url)), text, path);
    }
  },
});

/** Rules of one kind each: about a module, another text file, or all modules together. */
interface Rules {
  readonly modules: readonly ((path: string, file: SourceText) => Finding[])[];
  readonly texts: readonly ((path: string, text: string) => Finding[])[];
  readonly trees: readonly ((
    modules: Repository["modules"],
  ) => ReadonlyMap<string, Finding[]>)[];
}

function rulesFor({ modules, texts, exists }: Repository): Rules {
  const testNames = [...modules].flatMap(([path, file]) =>
    path.startsWith("tests/") ? testNamesOf(file) : []
  );
  const logs = texts.get("docs/logs.md") ?? "";
  const scripts = [...texts].filter(([path]) => !path.endsWith(".md")).map(([, text]) => text);
  return {
    modules: [
      findWideComments,
      findLongFile,
      findLongFunctions,
      findActingConstructors,
      findUndocumentedExports,
      findMisplacedComment,
      findBareWarnings,
      (path, file) => findUnlistedLines(path, file, logs),
      findRoughErrors,
      (path, file) => findUntestedDeviations(path, file, testNames),
      (path, file) => findMissingFiles(path, file, exists),
      findBannedWords,
      findBannedNames,
      (path, { source }) => findLeaks(path, source),
    ],
    texts: [
      (path, text) => findBrokenLinks(path, text, exists),
      (path, text) => findMissingFiles(path, text, exists),
      (path, text) => path === "docs/logs.md" ? findUnknownLines(text, modules) : [],
      findBannedWordsInText,
      findLeaks,
    ],
    trees: [
      findDeadExports,
      findCycles,
      (modules) => findOrphans(modules, scripts),
    ],
  };
}

/** Every finding in the repository, with its file. */
function* findAll(repository: Repository): Generator<[path: string, Finding]> {
  const rules = rulesFor(repository);
  for (const [path, file] of repository.modules) {
    for (const find of rules.modules) yield* find(path, file).map(at(path));
  }
  for (const [path, text] of repository.texts) {
    for (const find of rules.texts) yield* find(path, text).map(at(path));
  }
  for (const find of rules.trees) {
    for (const [path, findings] of find(repository.modules)) yield* findings.map(at(path));
  }
}

function at(path: string): (finding: Finding) => [string, Finding] {
  return (finding) => [path, finding];
}
