/** Holds `docs/logs.md` complete: every line of the log, with its level, and no other. */

import type { Finding } from "./rule.ts";
import { lineOf, type SourceText } from "./source_text.ts";

/** A log line in a file. */
interface LogLine {
  readonly line: number;
  readonly level: string;
  /** With `…` for what varies. */
  readonly message: string;
}

/** Names of levels on the page. */
const LEVELS: Readonly<Record<string, string>> = {
  debug: "debug",
  info: "info",
  notice: "info",
  warning: "warn",
  error: "error",
};

/** Of lines whose level depends on the moment. */
const VARIES = "varies";

const TEXT = /"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

/** A call with a literal message, or several that are added. */
const CALL = new RegExp(
  `(?:\\.(debug|info|notice|warning|error)|\\[level\\])\\(\\s*` +
    `((?:${TEXT.source})(?:\\s*\\+\\s*(?:${TEXT.source}))*)`,
  "g",
);

/** What `title` stands for in messages about connections to origins. */
const TITLES = ["Pull", "Push", "Forward"];
const TITLE = /\$\{this\.[#\w.]*title\}/;

/** Messages that calls get from elsewhere, by the beginning of the text in the source. */
const INDIRECT: readonly (readonly [level: string, source: RegExp, message: string])[] = [
  ["warn", /message: "Login failed: /, "Login failed: …"],
  ["warn", /message: "Publisher refused: /, "Publisher refused: …"],
  ["warn", /message: `HLS write failed: /, "HLS write failed: …"],
  ["warn", /`HLS segment dropped: muxing failed: /, "HLS segment dropped: muxing failed: …"],
  ["warn", /"HLS segment dropped: a part is missing"/, "HLS segment dropped: a part is missing"],
  [
    ...["error", /message: "Log lines dropped: /] as const,
    "Log lines dropped: the destination took them too slowly",
  ],
];

/** Finds log lines that the page does not list, or lists with another level. */
export function findUnlistedLines(path: string, file: SourceText, page: string): Finding[] {
  const listed = new Map(linesOnPage(page).map(({ message, level }) => [message, level]));
  return linesIn(path, file).flatMap(({ line, level, message }) => {
    const there = listed.get(message)?.split(", ") ?? [];
    if (level === VARIES ? there.length > 1 : there.includes(level)) return [];
    const problem = there.length === 0 ? "is not listed" : `is listed as ${there.join(", ")}`;
    return [{ line, message: `Log line (${level}) ${problem} in docs/logs.md: "${message}"` }];
  });
}

/** Finds lines on the page that the program does not log. */
export function findUnknownLines(
  page: string,
  modules: ReadonlyMap<string, SourceText>,
): Finding[] {
  const known = new Set(
    [...modules].flatMap(([path, file]) => linesIn(path, file).map(({ message }) => message)),
  );
  return linesOnPage(page).filter(({ message }) => !known.has(message))
    .map(({ line, message }) => ({ line, message: `No such log line: "${message}"` }));
}

function linesIn(path: string, { source }: SourceText): LogLine[] {
  if (!path.startsWith("lib/")) return [];
  const indirect = INDIRECT.flatMap(([level, pattern, message]) => {
    const index = pattern.exec(source)?.index;
    return index === undefined ? [] : [{ line: lineOf(source, index), level, message }];
  });
  const direct = [...source.matchAll(CALL)].flatMap(({ 1: level, 2: text, index }) => {
    const message = [...text!.matchAll(TEXT)].map(([literal]) => literal.slice(1, -1)).join("");
    return (TITLE.test(message) ? TITLES : [""]).map((title) => ({
      line: lineOf(source, index),
      level: level === undefined ? VARIES : LEVELS[level]!,
      message: message.replace(TITLE, title).replace(/\$\{[^}]*\}/g, "…"),
    }));
  });
  return [...direct, ...indirect];
}

/** Rows of tables whose second column is a message in backticks. */
function linesOnPage(page: string): LogLine[] {
  return [...page.matchAll(/^\| ((?:debug|info|warn|error)[a-z, ]*?) +\| `([^`]+)`/gm)]
    .map(({ 1: level, 2: message, index }) => ({
      line: lineOf(page, index),
      level: level!,
      message: message!,
    }));
}
