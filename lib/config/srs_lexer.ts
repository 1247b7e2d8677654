import { quotePeerText } from "../base/text.ts";
import type { Word } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";

/** A token of a file in the SRS format. `eol` is a line end, `end` the end of the file. */
export interface Token extends Word {
  readonly kind: "word" | "{" | "}" | ";" | "eol" | "end";
  /** Column after the token, where a missing character would go. */
  readonly endColumn: number;
}

/** A variable of a shell or a template. */
const VARIABLE = /\$\{[^{}\s;]*\}/y;

const BYTE_ORDER_MARK = "\uFEFF";

/**
 * Splits `text` into tokens, the last one of kind `end`. Problems with quotes go to `problems`.
 *
 * The rules are those of SRS 7.0.18 (`srs_app_config.cpp`): words end at a blank, a line end, `;`
 * or `{`. `}` and `#` are special only at the start of a word. Quotes have no escapes, and an empty
 * quoted word is dropped.
 *
 * DEVIATION: SRS has no rule for a byte order mark | because editors write one | test
 * "lexSrs() skips a byte order mark at the start of the file"
 * DEVIATION: SRS does not count a lone CR as a line but subtracts one from the line it reports |
 * because users need the line that their editor shows | test "parseSrs() reports a directive broken
 * by a lone CR on its line"
 */
export function lexSrs(text: string, file: string, problems: ProblemList): readonly Token[] {
  return new Lexer(text, file, problems).run();
}

class Lexer {
  readonly #text: string;
  readonly #file: string;
  readonly #problems: ProblemList;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(text: string, file: string, problems: ProblemList) {
    this.#text = text;
    this.#file = file;
    this.#problems = problems;
    if (text.startsWith(BYTE_ORDER_MARK)) this.#at = this.#lineStart = 1;
  }

  run(): readonly Token[] {
    while (this.#at < this.#text.length) this.#step();
    this.#push("end", this.#at);
    return this.#tokens;
  }

  #step(): void {
    const char = this.#text[this.#at]!;
    switch (char) {
      case " ":
      case "\t":
        this.#at++;
        return;
      case "\r":
      case "\n":
        return this.#lineEnd(char);
      case "#":
        return this.#comment();
      case ";":
      case "{":
      case "}":
        return this.#push(char, this.#at++);
      case '"':
      case "'":
        return this.#quoted(char);
      default:
        return this.#word();
    }
  }

  #lineEnd(char: string): void {
    this.#push("eol", this.#at++);
    if (char === "\n") {
      this.#line++;
      this.#lineStart = this.#at;
    }
  }

  #comment(): void {
    while (this.#at < this.#text.length && this.#text[this.#at] !== "\n") this.#at++;
  }

  #word(): void {
    const start = this.#at;
    while (this.#at < this.#text.length && !isWordEnd(this.#text[this.#at]!)) {
      // The braces of a variable are part of the word; values are checked for it.
      VARIABLE.lastIndex = this.#at;
      this.#at += VARIABLE.exec(this.#text)?.[0].length ?? 1;
    }
    const word = this.#text.slice(start, this.#at);
    this.#checkWord(word, start);
    this.#push("word", start, word);
  }

  #checkWord(word: string, start: number): void {
    if (!/^[\u2018\u2019\u201c\u201d]|[\u2018\u2019\u201c\u201d]$/.test(word)) return;
    const what = `Word ${quotePeerText(word)} has curly quotes`;
    this.#problems.error(this.#position(start), what, `write " instead`);
  }

  #quoted(quote: string): void {
    const start = this.#at++;
    while (this.#at < this.#text.length && !/[\r\n]/.test(this.#text[this.#at]!)) {
      if (this.#text[this.#at] === quote) return this.#closeQuote(start);
      this.#at++;
    }
    this.#problems.error(
      this.#position(start),
      `Quote ${quote} is not closed on its line`,
      `write a second ${quote} at the end of the text`,
    );
    this.#push("word", start, this.#text.slice(start + 1, this.#at));
    // The quote has consumed the rest of the line. Without this token, the line is reported twice.
    this.#push(";", this.#at);
  }

  #closeQuote(start: number): void {
    const word = this.#text.slice(start + 1, this.#at);
    this.#at++;
    if (word !== "") this.#push("word", start, word);
    const next = this.#text[this.#at];
    if (next === undefined || isWordEnd(next)) return;
    this.#problems.error(
      this.#position(this.#at),
      `Unexpected ${quotePeerText(next)} right after a closing quote`,
      `write a space or ";" between them`,
    );
  }

  #push(kind: Token["kind"], start: number, text: string = kind): void {
    this.#tokens.push({
      kind,
      text,
      ...this.#position(start),
      endColumn: this.#at - this.#lineStart + 1,
    });
  }

  #position(offset: number): { file: string; line: number; column: number } {
    return { file: this.#file, line: this.#line, column: offset - this.#lineStart + 1 };
  }
}

function isWordEnd(char: string): boolean {
  return " \t\r\n;{".includes(char);
}
