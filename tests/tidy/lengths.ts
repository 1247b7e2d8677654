/** Rules about lengths. */

import type { Finding } from "./rule.ts";
import { closingOf, lineOf, type SourceText } from "./source_text.ts";

const MAX_COMMENT_COLUMNS = 100;
const MAX_FUNCTION_LINES = 70;
const MAX_FILE_LINES = 400;
/** A test file is a list of cases, which readers search rather than read. */
const MAX_TEST_FILE_LINES = 800;

/** Files that may be longer than all others, with the reason. */
const TABLES: ReadonlyMap<string, string> = new Map([
  ["lib/config/schema.ts", "one table: a row per directive"],
  ["lib/demo/sample.ts", "a video as base64"],
  ["tests/fixtures/av1_opus_flv.ts", "a video as base64"],
  ["tests/fixtures/av1_opus_multipacket_flv.ts", "a video as base64"],
]);

/**
 * Finds comment lines that are too wide; `deno fmt` does not wrap them. Lines with a link are
 * exempt.
 */
export function findWideComments(_path: string, file: SourceText): Finding[] {
  const lines = file.source.split("\n");
  const commentLines = new Set(file.comments.flatMap(({ start, text }) => {
    const first = lineOf(file.source, start);
    return text.split("\n").map((_, index) => first + index);
  }));
  return [...commentLines]
    .filter((line) => lines[line - 1]!.length > MAX_COMMENT_COLUMNS)
    .filter((line) => !lines[line - 1]!.includes("://"))
    .map((line) => ({
      line,
      message: `Comment has ${lines[line - 1]!.length} columns; wrap it at ${MAX_COMMENT_COLUMNS}`,
    }));
}

/** Finds a file with too many lines. */
export function findLongFile(path: string, file: SourceText): Finding[] {
  const max = path.endsWith("_test.ts") ? MAX_TEST_FILE_LINES : MAX_FILE_LINES;
  const lines = file.source.split("\n").length - 1;
  if (lines <= max || TABLES.has(path)) return [];
  return [{ line: 1, message: `File has ${lines} lines; split it, ${max} are allowed` }];
}

/** Finds functions and methods with too many lines, from the name to the closing brace. */
export function findLongFunctions(_path: string, file: SourceText): Finding[] {
  return functionsOf(file)
    .filter(({ lines }) => lines > MAX_FUNCTION_LINES)
    .map(({ line, lines }) => ({
      line,
      message: `Function has ${lines} lines; split it, ${MAX_FUNCTION_LINES} are allowed`,
    }));
}

interface FunctionSize {
  readonly line: number;
  readonly lines: number;
}

/** Returns every function whose body is a block. */
function functionsOf({ code, source }: SourceText): FunctionSize[] {
  const sizes: FunctionSize[] = [];
  for (let open = code.indexOf("{"); open >= 0; open = code.indexOf("{", open + 1)) {
    const start = functionStart(code, open);
    if (start < 0) continue;
    const line = lineOf(source, start);
    sizes.push({ line, lines: lineOf(source, closingOf(code, open)) - line + 1 });
  }
  return sizes;
}

/** Keywords whose parentheses precede a block that is no function body. */
const CONTROL = /\b(?:if|for|for await|while|switch|catch|with)\s*$/;

/** Ends of an incomplete type: a brace after one of them belongs to the type. */
const INSIDE_TYPE = /(?:[:|&<,([]|=>|\b(?:is|extends|keyof|typeof|readonly))\s*$/;

/**
 * Returns the offset of the parameters (or of the arrow) of the function whose body opens at
 * `open`, or -1.
 */
function functionStart(code: string, open: number): number {
  const before = code.slice(0, open).trimEnd();
  if (before.endsWith("=>")) return before.length - 2;
  const close = before.endsWith(")") ? before.length - 1 : beforeReturnType(before);
  if (close < 0) return -1;
  const start = openingOf(code, close);
  return CONTROL.test(code.slice(Math.max(0, start - 20), start)) ? -1 : start;
}

/** Returns the offset of the `)` in `): Type` if `text` ends with that, or -1. */
function beforeReturnType(text: string): number {
  if (INSIDE_TYPE.test(text)) return -1;
  let depth = 0;
  for (let at = text.length - 1; at >= 0; at--) {
    const char = text[at]!;
    if (char === ":" && depth === 0) {
      const head = text.slice(0, at).trimEnd();
      return head.endsWith(")") ? head.length - 1 : -1;
    }
    if (char === ">" && text[at - 1] === "=") continue;
    if (char === "\n" && depth === 0 && !/^\n\s*[|&]/.test(text.slice(at))) return -1;
    if (")]}>".includes(char)) depth++;
    else if ("([{<".includes(char)) depth--;
    if (depth < 0 || (depth === 0 && ";=?".includes(char))) return -1;
  }
  return -1;
}

/** Returns the offset of the bracket that the one at `close` closes, or 0. */
function openingOf(code: string, close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (")]}".includes(code[at]!)) depth++;
    else if ("([{".includes(code[at]!) && --depth === 0) return at;
  }
  return 0;
}
