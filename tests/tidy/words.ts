/** Rules about words. */

import type { Finding } from "./rule.ts";
import { lineOf, type SourceText } from "./source_text.ts";

/** Banned words, and better ones. A pattern matches whole words, in upper and lower case. */
const BANNED: readonly (readonly [wrong: string, right: string])[] = [
  ["whoever", "the client, player or caller that"],
  ["somebody|anybody", "a client, a player, a caller"],
  ["nobody", "no one, or what is missing"],
  ["whatever", "any, every"],
  ["anew", "again"],
  ["go on|goes on|going on|went on", "continue, resume, keep"],
  ["for hours", "a number"],
  ["for ever", "forever, without limit"],
  ["now and then", "periodically"],
  ["see the file comment", "what the symbol is"],
  ["faults? of ours", "internal error"],
  // Except "picture in picture", which is what browsers call it.
  ["(?<!in\\W)pictures?(?! parameter|\\Win\\W)", "video frame"],
  ["sounds?", "audio, audio frame"],
  ["places? to begin", "join point"],
  ["what is told", "report"],
  ["unless told(?: otherwise)?", "by default"],
  ["goodbye", "ends the stream"],
  ["in good order", "cleanly, gracefully"],
  ["at home in", "owned by"],
  ["oddity|oddities", "unknown message, ignored message"],
  ["takes its turn", "what happens"],
  ["worth one line", "why it is logged"],
  ["in mid-write", "during a write"],
  ["any more", "no longer"],
  ["of (?:its|their|our) own", "own, or nothing"],
  ["for that is", "because"],
  ["doors?|wish|wishes|wished|deeds?|illness|guests?", "the field's word"],
  ["dear|dearer", "expensive"],
];

/** The rules and their tests, which name what they forbid. */
const RULES = "tests/tidy/";

/**
 * What may stand between two words of a phrase: spaces, a line end, and the mark of a comment line.
 */
const GAP = "(?:\\s|\\*|//|#)+";

const BANNED_PROSE = BANNED.map(([wrong, right]) => ({
  pattern: new RegExp(`\\b(?:${wrong.replaceAll(" ", GAP)})\\b`, "gi"),
  right,
}));

/** Words that may not be part of a name in code, where `goOn` is "go on". */
const BANNED_IN_NAMES = new RegExp(
  "\\b(?:wish|deed|illness|guest|oddity|neighbour|goodbye|(?<!in )pictures?(?! in picture)|surroundings|taker|" +
    "go on|give up|say bye|not before|words of|handed over)\\b",
);

/** Finds banned words in comments and strings. */
export function findBannedWords(path: string, file: SourceText): Finding[] {
  if (path.startsWith(RULES)) return [];
  return [...file.comments, ...file.strings].flatMap(({ start, text }) =>
    findInProse(text).map(({ at, message }) => ({
      line: lineOf(file.source, start + at),
      message,
    }))
  );
}

/** Finds banned words in a text that is all prose, such as Markdown. */
export function findBannedWordsInText(path: string, text: string): Finding[] {
  if (path.startsWith(RULES)) return [];
  return findInProse(text).map(({ at, message }) => ({ line: lineOf(text, at), message }));
}

/** Finds names in code that contain a banned word, each once. */
export function findBannedNames(path: string, file: SourceText): Finding[] {
  if (path.startsWith(RULES)) return [];
  const names = new Map<string, number>();
  for (const { 0: name, index } of file.code.matchAll(/[A-Za-z]\w*/g)) {
    const words = name.split(/(?<=[a-z\d])(?=[A-Z])|_/).join(" ").toLowerCase();
    if (BANNED_IN_NAMES.test(words) && !names.has(name)) names.set(name, index);
  }
  return [...names].map(([name, index]) => ({
    line: lineOf(file.source, index),
    message: `Name "${name}" is not in the glossary; take the field's word`,
  }));
}

function findInProse(text: string): { readonly at: number; readonly message: string }[] {
  return BANNED_PROSE.flatMap(({ pattern, right }) =>
    [...text.matchAll(pattern)].map(({ 0: found, index }) => ({
      at: index,
      message: `"${found.replace(/\s+/g, " ")}" is banned; better: ${right}`,
    }))
  );
}
