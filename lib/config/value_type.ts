import { quotePeerText } from "../base/text.ts";
import type { Directive, Word } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";

/** How one kind of value is written, checked and read. */
export interface ValueType<T> {
  /** What may be written, for the reference. */
  readonly label: string;
  /** Unit of a bare number, or an empty string. */
  readonly unit: string;
  /**
   * Returns the value of `directive`, which has at least one word. Reports bad words to `problems`
   * and returns undefined for them.
   */
  parse(directive: Directive, problems: ProblemList): T | undefined;
}

/** Reports a bad word. `why` completes "Value … of … …". */
export type Refuse = (fix: string, why?: string) => undefined;

/** Reads one word, or refuses it. The syntax of `file` decides how a fix is written. */
type ParseWord<T> = (text: string, refuse: Refuse, file: string) => T | undefined;

/** A type of exactly one word. */
export function single<T>(label: string, parseWord: ParseWord<T>): ValueType<T> {
  return {
    label,
    unit: "",
    parse(directive, problems) {
      const extra = directive.args[1];
      if (extra === undefined) return parseWords(directive, problems, parseWord)?.[0];
      const name = quotePeerText(directive.name);
      const what = `${name} takes one value, not ${directive.args.length}`;
      return problems.error(extra, what, `remove ${quotePeerText(extra.text)} and all after it`);
    },
  };
}

/** A type of exactly one word, which must be a key of `values`. */
export function mapped<T>(values: Readonly<Record<string, T>>): ValueType<T> {
  const words = Object.keys(values);
  const label = words.map((word) => `\`${word}\``).join(", ");
  return single(label, (word, refuse) => {
    if (Object.hasOwn(values, word)) return values[word];
    return refuse(`write ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
  });
}

/** A type of one or more words. */
export function list<T>(label: string, parseWord: ParseWord<T>): ValueType<readonly T[]> {
  return {
    label,
    unit: "",
    parse: (directive, problems) => parseWords(directive, problems, parseWord),
  };
}

/** Reads all words of `directive`. Returns undefined when any of them is refused. */
export function parseWords<T>(
  directive: Directive,
  problems: ProblemList,
  parseWord: ParseWord<T>,
): readonly T[] | undefined {
  const values: T[] = [];
  for (const word of directive.args) {
    const refuse = refusal(directive.name, word, problems);
    const value = parseWord(word.text, refuse, word.file);
    if (value !== undefined) values.push(value);
  }
  return values.length === directive.args.length ? values : undefined;
}

function refusal(name: string, word: Word, problems: ProblemList): Refuse {
  return (fix, why = "is not valid") =>
    problems.error(
      word,
      `Value ${quotePeerText(word.text)} of ${quotePeerText(name)} ${why}`,
      fix,
    );
}
