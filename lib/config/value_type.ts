import { quotePeerText } from "../base/text.ts";
import type { Directive, Word } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";

/** How one kind of value is written, checked and read. */
export interface ValueType<T> {
  /** What may be written, for the reference. */
  readonly label: string;
  /** Unit of a bare number, or an empty string. */
  readonly unit: string;
  /** Whether several words may be written. */
  readonly isList: boolean;
  /**
   * Returns the value of `directive`, which has at least one word. Reports bad words to `problems`
   * and returns undefined for them.
   */
  parse(directive: Directive, problems: ProblemList): T | undefined;
}

/** Reports a bad word. `why` completes "Value … of … …". */
export type Refuse = (fix: string, why?: string) => undefined;

/** What a {@linkcode ParseWord} may use besides the text. */
interface WordContext {
  /** The file, whose syntax decides how a fix is written. */
  readonly file: string;
  /** Warns about a word that is read as another. `why` completes "Value … of … …". */
  readonly warn: (fix: string, why: string) => void;
}

/** Reads one word, or refuses it. */
type ParseWord<T> = (text: string, refuse: Refuse, context: WordContext) => T | undefined;

const VARIABLE_FIX =
  "fill it in before the start, or set the directive's own variable, such as SRS_LISTEN";

/** A type of exactly one word. */
export function single<T>(label: string, parseWord: ParseWord<T>): ValueType<T> {
  return {
    label,
    unit: "",
    isList: false,
    parse(directive, problems) {
      const extra = directive.args[1];
      if (extra === undefined) return parseWords(directive, problems, parseWord)?.[0];
      const name = quotePeerText(directive.name);
      const what = `${name} takes one value, not ${directive.args.length}`;
      const whole = directive.args.map(({ text }) => text).join("");
      const isUnit = /^\d+(\.\d+)?(ms|[smk])$/.test(whole);
      const fix = isUnit
        ? `write it without a blank: ${whole}`
        : `remove ${quoteValue(directive.name, extra.text)} and all after it`;
      return problems.error(extra, what, fix);
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
    isList: true,
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
    if (/\$\{\w/.test(word.text)) {
      const what = `Variable ${quoteValue(directive.name, word.text)} is not replaced in files`;
      problems.error(word, what, VARIABLE_FIX);
      continue;
    }
    const refuse = refusal(directive.name, word, problems);
    const value = parseWord(word.text, refuse, {
      file: word.file,
      warn: (fix, why) => problems.warn(word, describe(directive.name, word, why), fix),
    });
    if (value !== undefined) values.push(value);
  }
  return values.length === directive.args.length ? values : undefined;
}

function refusal(name: string, word: Word, problems: ProblemList): Refuse {
  return (fix, why = "is not valid") => problems.error(word, describe(name, word, why), fix);
}

function describe(name: string, word: Word, why: string): string {
  return `Value ${quoteValue(name, word.text)} of ${quotePeerText(name)} ${why}`;
}

/** Directives whose values no message shows: messages of a reload are logged. */
const SECRETS = ["password", "token", "destination"];

/** Quotes a word of the directive `name`, without what may be secret: users and keys in URLs. */
function quoteValue(name: string, text: string): string {
  if (SECRETS.includes(name)) return "(hidden)";
  const shown = text.replace(/\/\/[^/@\s]*@/, "//(hidden)@").replace(
    /(\/\/[^?]*)\?.*/,
    "$1?(hidden)",
  );
  return quotePeerText(shown);
}
