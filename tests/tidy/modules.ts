/** Rules about imports: exports that no other file uses, and files that nothing refers to. */

import type { Finding } from "./rule.ts";
import { lineOf, type SourceText } from "./source_text.ts";

/** One import or re-export. */
interface Import {
  /** Path relative to the repository, or the specifier of a package. */
  readonly target: string;
  /** Names as the target exports them; null when the whole module is taken. */
  readonly names: readonly string[] | null;
}

interface Export {
  readonly name: string;
  readonly isType: boolean;
  readonly line: number;
}

/**
 * Finds exports that no other file imports, and exports of `lib` that only tests import. Types of
 * `lib` are exempt from the second, so that a test can name what it passes.
 */
export function findDeadExports(
  files: ReadonlyMap<string, SourceText>,
): ReadonlyMap<string, Finding[]> {
  const users = findUsers(files);
  return mapFiles(files, (path, file) => {
    if (path === "main.ts" || path.endsWith(".d.ts")) return [];
    const whole = users.get(`${path}#*`) ?? [];
    return exportsOf(file).flatMap(({ name, line, isType }) => {
      const all = [...whole, ...(users.get(`${path}#${name}`) ?? [])].filter((user) =>
        user !== path
      );
      if (all.length === 0) {
        return [{ line, message: `Export "${name}" is dead; do not export it` }];
      }
      const isTestOnly = path.startsWith("lib/") && all.every((user) => user.startsWith("tests/"));
      if (!isTestOnly || isType) return [];
      return [{ line, message: `Export "${name}" is for tests only; test what uses it instead` }];
    });
  });
}

/**
 * Finds files that no other file imports or names. Misses cycles of files, and files that share a
 * name.
 *
 * @param others further texts that may name files: tasks, scripts
 */
export function findOrphans(
  files: ReadonlyMap<string, SourceText>,
  others: readonly string[],
): ReadonlyMap<string, Finding[]> {
  const imported = new Set<string>();
  for (const [path, file] of files) {
    for (const { target } of importsOf(path, file)) imported.add(target);
  }
  const strings = [...files.values()].flatMap((file) => file.strings.map(({ text }) => text));
  const typings = [...files.values()].flatMap(({ source }) =>
    source.match(/@ts-types="[^"]+"/g) ?? []
  );
  const named = [...others, ...strings, ...typings].join("\n");
  return mapFiles(files, (path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const isUsed = path.endsWith("_test.ts") || imported.has(path) || named.includes(name);
    return isUsed ? [] : [{ line: 1, message: "File is dead: nothing imports or names it" }];
  });
}

/** Finds modules of `lib` that import themselves through others, by value or by type. */
export function findCycles(
  files: ReadonlyMap<string, SourceText>,
): ReadonlyMap<string, Finding[]> {
  const targets = new Map([...files].map(([path, file]) => [
    path,
    importsOf(path, file).map(({ target }) => target),
  ]));
  return mapFiles(files, (path) => {
    const way = path.startsWith("lib/") ? wayBack(path, targets) : null;
    return way === null ? [] : [{ line: 1, message: `Imports itself: ${way.join(" → ")}` }];
  });
}

/** Returns the files on the shortest way from a file back to itself, or null. */
function wayBack(
  path: string,
  targets: ReadonlyMap<string, readonly string[]>,
): readonly string[] | null {
  const seen = new Set<string>();
  let ways: string[][] = [[path]];
  while (ways.length > 0) {
    const next: string[][] = [];
    for (const way of ways) {
      for (const target of targets.get(way.at(-1)!) ?? []) {
        if (target === path) return [...way, path];
        if (!seen.has(target)) next.push([...way, target]);
        seen.add(target);
      }
    }
    ways = next;
  }
  return null;
}

/**
 * Returns the files that import an export, by `path#name`; by `path#*` if they import the whole
 * module.
 */
function findUsers(files: ReadonlyMap<string, SourceText>): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const [path, file] of files) {
    for (const { target, names } of importsOf(path, file)) {
      for (const name of names ?? ["*"]) {
        const key = `${target}#${name}`;
        users.set(key, [...(users.get(key) ?? []), path]);
      }
    }
  }
  return users;
}

/** Returns what a module uses of others, by `import`, `export … from` and `import()`. */
function importsOf(path: string, { code, source }: SourceText): Import[] {
  const statements = /^(?:import|export)\b([^;"]*?)"( *)"|\bimport\(\s*"( *)"/gm;
  return [...code.matchAll(statements)].flatMap(({ 0: whole, 1: clause, index }) => {
    const open = index + whole.indexOf('"');
    const specifier = source.slice(open + 1, index + whole.length - 1);
    if (!specifier.startsWith(".")) return [];
    const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
    const braces = /\{([^}]*)\}/.exec(clause ?? "");
    const isWhole = braces === null || /\*/.test(clause!);
    return [{ target, names: isWhole ? null : namesIn(braces[1]!) }];
  });
}

/**
 * Returns the names in `a, type B, c as d`: of `c as d` the first, as the exporting module has it,
 * or the last.
 */
function namesIn(list: string, which: "first" | "last" = "first"): string[] {
  return list
    .split(",")
    .map((each) => each.trim().replace(/^type /, "").split(" as ").at(which === "first" ? 0 : -1)!)
    .filter((name) => name !== "");
}

const KINDS = "function\\*?|class|const enum|const|let|interface|type|enum";
const DECLARED = new RegExp(`^export (?:declare |abstract |async )*(${KINDS}) (\\w+)`, "gm");
const LISTED = /^export (?:type )?\{([^}]*)\}/gm;

/** Returns what a module declares and exports, or re-exports. */
function exportsOf({ code, source }: SourceText): Export[] {
  const declared = [...code.matchAll(DECLARED)].map(({ 1: kind, 2: name, index }) => ({
    name: name!,
    isType: kind === "interface" || kind === "type",
    line: lineOf(source, index),
  }));
  const listed = [...code.matchAll(LISTED)].flatMap(({ 1: list, index }) =>
    namesIn(list!, "last").map((name) => ({ name, isType: false, line: lineOf(source, index) }))
  );
  return [...declared, ...listed];
}

function mapFiles(
  files: ReadonlyMap<string, SourceText>,
  find: (path: string, file: SourceText) => Finding[],
): ReadonlyMap<string, Finding[]> {
  return new Map([...files].map(([path, file]) => [path, find(path, file)]));
}
