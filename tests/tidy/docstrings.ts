/** Rules about docstrings. */

import type { Finding } from "./rule.ts";
import { lineOf, type SourceText } from "./source_text.ts";

const EXPORT = /^export (?:declare |abstract |async )*(?!type \{)\w+\*? (\w+)/gm;

/** Finds exports of `lib` without a docstring. Line comments may stand between the two. */
export function findUndocumentedExports(path: string, file: SourceText): Finding[] {
  if (!path.startsWith("lib/") || path.endsWith(".d.ts")) return [];
  return [...file.code.matchAll(EXPORT)]
    .filter(({ index }) => {
      const before = file.source.slice(0, index).replace(/(?:\n *\/\/[^\n]*)+\n$/, "\n");
      return !before.endsWith("*/\n");
    })
    .map(({ 1: name, index }) => ({
      line: lineOf(file.source, index),
      message: `Export "${name}" has no docstring`,
    }));
}

/** Finds a file comment in a module of `lib` with one export: editors do not show it on hover. */
export function findMisplacedComment(path: string, file: SourceText): Finding[] {
  if (!path.startsWith("lib/") || path.endsWith(".d.ts")) return [];
  const exports = [...file.code.matchAll(/^export /gm)];
  if (!/^\/\*\*(?! *\n \* @typedef)[\s\S]*?\*\/\n\n/.test(file.source) || exports.length !== 1) {
    return [];
  }
  return [{ line: 1, message: "File comment beside one export; make it the export's docstring" }];
}
