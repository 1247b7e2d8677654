/** Rules about log lines, error texts and leftovers. */

import type { Finding } from "./rule.ts";
import { closingOf, lineOf, type SourceText } from "./source_text.ts";

/**
 * Finds WARN and ERROR lines that say only what happened: without a cause (`Pull failed:
 * ${reason}`), a consequence or a remedy (`SIGHUP ignored: …; restart to apply`, or a `fix` field).
 */
export function findBareWarnings(path: string, file: SourceText): Finding[] {
  if (!path.startsWith("lib/")) return [];
  const calls = /\blogger\)?(?:\.for\([^)]*\))?\.(?:warning|error)\(/gi;
  return [...file.code.matchAll(calls)].flatMap(({ 0: call, index }) => {
    const args = file.source.slice(
      index + call.length,
      closingOf(file.code, index + call.length - 1),
    );
    const [text] = args.trim().split(/,\s*\{/);
    const isLiteral = /^["`]/.test(text!);
    if (!isLiteral || /: |; /.test(text!) || /\bfix\b/.test(args)) return [];
    const message = "Log line has neither a cause (`What: ${reason}`) nor a `fix` field";
    return [{ line: lineOf(file.source, index), message }];
  });
}

/** Finds error texts that do not start with a capital, or end with a full stop. */
export function findRoughErrors(path: string, file: SourceText): Finding[] {
  if (!path.startsWith("lib/")) return [];
  const texts = /\bnew (?:(?:Wire|Upstream)Error\([^,]*,|(?:Start|Usage)Error\()\s*(["`])/g;
  return [...file.code.matchAll(texts)].flatMap(({ 0: head, index }) => {
    const start = index + head.length;
    const text = file.strings.find((each) => each.start === start)?.text ?? "";
    const quote = file.code.indexOf(head.at(-1)!, start);
    const isRough = /^[a-z]/.test(text) || file.source.slice(start, quote).endsWith(".");
    if (!isRough) return [];
    const message = "Error text starts with a capital and has no full stop";
    return [{ line: lineOf(file.source, index), message }];
  });
}

/** The form of a departure from a specification: `DEVIATION: what | because why | test "name"`. */
const DEVIATION = /DEVIATION:([\s\S]*?)(?=DEVIATION:|\n\s*\*?\s*\n|\*\/|$)/g;

/**
 * Finds deviations that name no test, or one that does not exist. `testNames` may contain `${…}`.
 */
export function findUntestedDeviations(
  path: string,
  file: SourceText,
  testNames: readonly string[],
): Finding[] {
  if (!path.startsWith("lib/")) return [];
  return file.comments.flatMap(({ start, text }) =>
    [...text.matchAll(DEVIATION)].flatMap(({ 1: body, index }) => {
      const name = /\btest "([^"]+)"/.exec(body!.replace(/\n\s*(?:\*|\/\/)?\s*/g, " "))?.[1];
      if (name !== undefined && testNames.some((each) => isNameOf(each, name))) return [];
      const message = name === undefined
        ? 'Deviation names no test: DEVIATION: what | because why | test "name"'
        : `Deviation names a test that does not exist: ${name}`;
      return [{ line: lineOf(file.source, start + index), message }];
    })
  );
}

/** Returns the names of the tests in a file, templates in their source form. */
export function testNamesOf(file: SourceText): string[] {
  const starts = /\bDeno\.test\(\s*(["`])|\bname: (["`])/g;
  return [...file.code.matchAll(starts)].map(({ 0: head, index }) => {
    const start = index + head.length;
    return file.source.slice(start, file.code.indexOf(head.at(-1)!, start)).replaceAll('\\"', '"');
  });
}

/** Returns whether a test has that name, where each `${…}` matches anything. */
function isNameOf(template: string, name: string): boolean {
  const parts = template.split(/\$\{[^}]*\}/);
  const literal = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`).test(name);
}

/** Patterns that must not be in the repository, with the remedy. */
const LEAKS: readonly (readonly [pattern: RegExp, why: string])[] = [
  [/\b(?:TODO|FIXME|XXX)\b/, "do it, or leave it out"],
  [/(?<![\w.])\/(?:work|home\/\w+|root)\//, "a path of one machine"],
  [/\b(?:jsr\.io|registry\.npmjs\.org|deno\.land\/(?:x|std))\b/, "packages come from deno.json"],
  [/\bissues? \d+/i, "name what it is about"],
  [/(?<![\w#])#\d{1,2}\b/, "name what it is about"],
];

/** Finds leftovers of work, and references that are valid on one machine only. */
export function findLeaks(path: string, source: string): Finding[] {
  if (path.startsWith("tests/tidy/")) return [];
  return source.split("\n").flatMap((text, index) =>
    LEAKS.filter(([pattern]) => pattern.test(text)).map(([pattern, why]) => ({
      line: index + 1,
      message: `"${pattern.exec(text)![0]}": ${why}`,
    }))
  );
}
