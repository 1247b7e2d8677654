/** Rules about references between files. */

import type { Finding } from "./rule.ts";
import { lineOf, type SourceText } from "./source_text.ts";

/** Finds broken relative links of Markdown. `exists` takes a path relative to the repository. */
export function findBrokenLinks(
  path: string,
  text: string,
  exists: (path: string) => boolean,
): Finding[] {
  if (!path.endsWith(".md")) return [];
  const links = /\]\((?!\w+:|#)([^)#\s]+)(?:#[^)\s]*)?\)/g;
  return [...text.matchAll(links)]
    .filter(({ 1: link }) => !exists(new URL(link!, `file:///${path}`).pathname.slice(1)))
    .map(({ 1: link, index }) => ({
      line: lineOf(text, index),
      message: `Link leads nowhere: ${link}`,
    }));
}

/** Folders that references may be relative to, so that `hub/stream.ts` is enough. */
const ROOTS = ["", "lib/", "tests/", "tests/helpers/", "tests/interop/"];

/** A source file or page in prose, but not an HLS segment such as `live/show-7.ts`. */
const FILE_NAME = /(?<![\w./-])(?!live\/)((?:[\w.-]+\/)+[\w.-]+\.(?:ts|md)|\w+_test\.ts)\b/g;

/** Files whose references are checked. */
const NAMING = /\.(?:ts|md)$|^deno\.json$|^\.ci\/run$/;

/** Finds files that Markdown, tasks or comments name and that do not exist. */
export function findMissingFiles(
  path: string,
  file: SourceText | string,
  exists: (path: string) => boolean,
): Finding[] {
  if (!NAMING.test(path)) return [];
  const source = typeof file === "string" ? file : file.source;
  const spans = typeof file === "string" ? [{ start: 0, text: file }] : file.comments;
  const own = path.slice(0, path.lastIndexOf("/") + 1);
  const isFile = (name: string) =>
    [...ROOTS, own].some((root) => exists(new URL(root + name, "file:///").pathname.slice(1)));
  return spans.flatMap(({ start, text }) =>
    [...text.matchAll(FILE_NAME)]
      .filter(({ 1: name }) => !isFile(name!))
      .map(({ 1: name, index }) => ({
        line: lineOf(source, start + index),
        message: `File does not exist: ${name}`,
      }))
  );
}
