// @ts-types="./std_toml.d.ts"
import { parse } from "@std/toml";
import { describeError } from "../base/errors.ts";
import { quotePeerText } from "../base/text.ts";
import type { Directive, Position, Word } from "./directive.ts";
import { nearestName } from "./nearest.ts";
import type { ProblemList } from "./problem_list.ts";
import { VHOST } from "./schema.ts";
import {
  findTomlPositions,
  positionOf,
  type TomlPath,
  type TomlPositions,
} from "./toml_positions.ts";

/** Names that may follow the name of a vhost in the header of a table. */
const VHOST_NAMES: ReadonlySet<string> = new Set(Object.keys(VHOST));

/** The standard parser's errors for a table that conflicts with others. */
const TREE_ERROR = /key length is not a positive number|Unexpected assign/;

/**
 * Parses `text`, the contents of `file`, into the same directive tree as the SRS format. Tables
 * become blocks, keys directives, and arrays their values. `[vhost.NAME]` becomes the block `vhost
 * NAME`. An array of arrays or tables repeats the directive. Problems with single values go to
 * `problems`.
 *
 * @throws {ConfigError} when the text is not TOML
 */
export function parseToml(
  text: string,
  file: string,
  problems: ProblemList,
): readonly Directive[] {
  const source = text.replace(/^\uFEFF/, "");
  const document = parseDocument(source, file, problems);
  const positions = findTomlPositions(source, file);
  reportRepeated(positions, problems);
  return new TreeBuilder(positions, problems).table(document, []);
}

class TreeBuilder {
  readonly #positions: TomlPositions;
  readonly #problems: ProblemList;

  constructor(positions: TomlPositions, problems: ProblemList) {
    this.#positions = positions;
    this.#problems = problems;
  }

  table(table: Record<string, unknown>, path: TomlPath): Directive[] {
    return Object.entries(table).flatMap(([key, value]) => this.#entry(value, [...path, key]));
  }

  #entry(value: unknown, path: TomlPath): Directive[] {
    if (isTable(value)) return this.#block(value, path);
    if (Array.isArray(value) && value.length > 0) {
      if (value.every(isTable)) {
        return value.flatMap((table, index) => this.#block(table, [...path, index]));
      }
      if (value.every((item) => Array.isArray(item))) {
        return value.map((items, index) => this.#option(items, [...path, index]));
      }
    }
    return [this.#option(value, path)];
  }

  #block(table: Record<string, unknown>, path: TomlPath): Directive[] {
    if (path.length === 1 && path[0] === "vhost") {
      return Object.entries(table).map(([name, inner]) => this.#vhost(name, inner));
    }
    return [this.#directive(path, [], this.table(table, path))];
  }

  #vhost(name: string, value: unknown): Directive {
    const path = ["vhost", name];
    const word = { text: name, ...this.#positions.ofKey(path) };
    if (!isTable(value)) {
      const what = `Vhost ${quotePeerText(name)} is not a table`;
      this.#problems.error(word, what, `write [vhost.${JSON.stringify(name)}]`);
    }
    const dotted = isTable(value) ? dottedName(value) : undefined;
    if (dotted !== undefined) {
      const full = `${name}.${dotted}`;
      const what = `Vhost name ${quotePeerText(full)} has dots`;
      this.#problems.error(word, what, `quote it: [vhost.${JSON.stringify(full)}]`);
    }
    const isNamed = isTable(value) && dotted === undefined;
    const children = isNamed ? this.table(value, path) : [];
    return { ...this.#directive(path, [word], children), name: "vhost" };
  }

  #option(value: unknown, path: TomlPath): Directive {
    const words = Array.isArray(value)
      ? value.map((item, index) => this.#word(item, [...path, index]))
      : [this.#word(value, path)];
    return this.#directive(path, words, undefined);
  }

  #word(value: unknown, path: TomlPath): Word {
    return { ...this.#positions.ofValue(path), text: wordText(value) };
  }

  #directive(
    path: TomlPath,
    args: readonly Word[],
    children: readonly Directive[] | undefined,
  ): Directive {
    return { ...this.#positions.ofKey(path), name: nameOf(path), args, children };
  }
}

function parseDocument(
  source: string,
  file: string,
  problems: ProblemList,
): Record<string, unknown> {
  const at = (offset: number) => positionOf(source, offset, file);
  // With this key, the standard parser would write to the prototype of all objects.
  const prototype = source.indexOf("__proto__");
  if (prototype >= 0) {
    problems.fail(at(prototype), 'Name "__proto__" is not allowed', "choose another name");
  }
  try {
    return parse(source);
  } catch (error) {
    if (TREE_ERROR.test(describeError(error))) {
      reportRepeated(findTomlPositions(source, file), problems);
      problems.warningsOrThrow();
    }
    reportCommonMistakes(source, at, problems);
    const { offset, detail } = locate(source, describeError(error));
    problems.fail(
      at(offset),
      `Invalid TOML: ${detail}`,
      "correct it; see toml.io for the format",
    );
  }
}

/**
 * Reports lines with the mistakes that most files have: the parser stops at the first one, and does
 * not say what to do.
 *
 * @throws {ConfigError} when there are any
 */
function reportCommonMistakes(
  source: string,
  at: (offset: number) => Position,
  problems: ProblemList,
): void {
  let start = 0;
  for (const line of source.split("\n")) {
    const offset = start;
    start += line.length + 1;
    if (/^\s*\/\//.test(line)) {
      problems.error(at(offset + line.indexOf("/")), 'Unexpected "//"', "comments begin with #");
      continue;
    }
    const pair = /^(\s*[\w.-]+\s*=\s*)([^\s"'[{#][^#]*?)(;?)\s*(#.*)?$/.exec(line);
    const [, before = "", value = "", semicolon] = pair ?? [];
    const valueAt = at(offset + before.length);
    if (semicolon === ";") {
      problems.error(at(offset + before.length + value.length), 'Unexpected ";"', "remove it");
    }
    if (pair === null || BARE_VALUE.test(value)) continue;
    const fix = `write it in quotes: ${JSON.stringify(value)}`;
    problems.error(valueAt, `Text ${quotePeerText(value)} has no quotes`, fix);
  }
  problems.warningsOrThrow();
}

/** Booleans, numbers and dates, which are written without quotes. */
const BARE_VALUE =
  /^(true|false|[+-]?(\d[\d_]*(\.\d+)?(e[+-]?\d+)?|inf|nan)|0[xob][\da-f_]+|\d{4}-\d\d-\d\d.*|\d\d:\d\d:.*)$/i;

/** The standard parser accepts repeated keys and has no useful error for repeated tables. */
function reportRepeated({ repeated }: TomlPositions, problems: ProblemList): void {
  for (const { name, at } of repeated) {
    const fix = "write it once, and a table before its subtables";
    problems.error(at, `Duplicate key ${quotePeerText(name)}`, fix);
  }
}

/**
 * Returns where and why the standard parser stopped. Its messages are like `Parse error on line 3,
 * column 7: …` with a 0-based column. It often stops after the line end that follows the mistake,
 * so the blanks before that point are skipped.
 */
function locate(source: string, message: string): { offset: number; detail: string } {
  const match = /^Parse error on line (\d+), column (\d+): ([^\n]*)/.exec(message);
  const above = source.split("\n").slice(0, Number(match?.[1] ?? 1) - 1);
  const lineStart = above.reduce((length, line) => length + line.length + 1, 0);
  const before = source.slice(0, lineStart + Number(match?.[2] ?? 0));
  return { offset: before.trimEnd().length, detail: quotePeerText(match?.[3] ?? message) };
}

/**
 * Returns the rest of a vhost's name that was written without quotes, so that it became tables in
 * the table of its first part; undefined when there is none.
 */
function dottedName(table: Record<string, unknown>): string | undefined {
  const rest: string[] = [];
  let inner = table;
  for (;;) {
    const [key, more] = Object.keys(inner);
    const value = key === undefined ? undefined : inner[key];
    if (key === undefined || more !== undefined || !isTable(value)) break;
    // A known name, or a misspelled one.
    if (nearestName(key, VHOST_NAMES) !== undefined) break;
    rest.push(key);
    inner = value;
  }
  return rest.length === 0 ? undefined : rest.join(".");
}

/** Returns the last key of `path`, which may end in array indexes. */
function nameOf(path: TomlPath): string {
  return String(path.findLast((part) => typeof part === "string"));
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

/** Formats `value` as a word of the SRS format. Nested lists and tables become invalid words. */
function wordText(value: unknown): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return "[…]";
  return isTable(value) ? "{…}" : String(value);
}
