/** A piece of a file. */
interface Span {
  /** Offset of the first character. */
  readonly start: number;
  readonly text: string;
}

/**
 * A TypeScript file, separated into code, comments and strings. Offsets are the same in all of
 * them.
 */
export interface SourceText {
  readonly source: string;
  /** The source with comments, the contents of strings, and regular expressions blanked out. */
  readonly code: string;
  /** Comments with their marks. Line comments on consecutive lines are merged. */
  readonly comments: readonly Span[];
  /** Contents of strings. A template yields one span per piece between its `${…}`. */
  readonly strings: readonly Span[];
}

/**
 * Separates code, comments and strings of formatted TypeScript. This is no parser, but brackets and
 * line starts are enough for all rules.
 */
export function readSource(source: string): SourceText {
  return new Scanner(source).run();
}

/** Returns the 1-based line of an offset. */
export function lineOf(source: string, offset: number): number {
  let line = 1;
  for (let at = source.indexOf("\n"); at >= 0 && at < offset; at = source.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}

/** Returns the offset of the bracket that closes the one at `open`, or the end of the code. */
export function closingOf(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if ("([{".includes(code[at]!)) depth++;
    else if (")]}".includes(code[at]!) && --depth === 0) return at;
  }
  return code.length;
}

/** Code before a slash that starts a regular expression. */
const BEFORE_REGEXP =
  /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|throw))\s*$/;

/** How much of the code before a slash {@linkcode BEFORE_REGEXP} has to see. */
const LOOK_BACK = 200;

class Scanner {
  readonly #source: string;
  readonly #comments: Span[] = [];
  readonly #strings: Span[] = [];
  #code = "";

  constructor(source: string) {
    this.#source = source;
  }

  run(): SourceText {
    this.#readCode(0, false);
    const [source, code] = [this.#source, this.#code];
    return { source, code, comments: this.#comments, strings: this.#strings };
  }

  /**
   * Reads code to the end, or to the brace that closes a template's `${`. Returns the end offset.
   */
  #readCode(from: number, isInTemplate: boolean): number {
    let depth = 0;
    let at = from;
    while (at < this.#source.length) {
      const char = this.#source[at]!;
      const next = this.#source[at + 1];
      if (char === "/" && (next === "/" || next === "*")) at = this.#readComment(at, next);
      else if (char === '"' || char === "'") at = this.#readString(at, char);
      else if (char === "`") at = this.#readTemplate(at);
      else if (char === "/" && BEFORE_REGEXP.test(this.#code.slice(-LOOK_BACK))) {
        at = this.#readRegExp(at);
      } else {
        if (char === "}" && isInTemplate && depth === 0) return at;
        if (char === "{") depth++;
        if (char === "}") depth--;
        this.#code += char;
        at++;
      }
    }
    return at;
  }

  #readComment(at: number, kind: string): number {
    const close = kind === "*" ? "*/" : "\n";
    const found = this.#source.indexOf(close, at + 2);
    const end = found < 0 ? this.#source.length : kind === "*" ? found + 2 : found;
    const last = this.#comments.at(-1);
    const between = last === undefined ? "" : this.#source.slice(last.start + last.text.length, at);
    if (kind === "/" && last?.text.startsWith("//") && /^\n *$/.test(between)) {
      const { start } = this.#comments.pop()!;
      this.#comments.push({ start, text: this.#source.slice(start, end) });
    } else {
      this.#comments.push({ start: at, text: this.#source.slice(at, end) });
    }
    return this.#blank(at, end);
  }

  #readString(at: number, quote: string): number {
    let end = at + 1;
    while (end < this.#source.length && this.#source[end] !== quote) {
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    this.#strings.push({ start: at + 1, text: this.#source.slice(at + 1, end) });
    this.#code += quote;
    this.#blank(at + 1, end);
    this.#code += quote;
    return end + 1;
  }

  #readTemplate(at: number): number {
    this.#code += "`";
    let start = at + 1;
    let end = start;
    const closePiece = () => {
      this.#strings.push({ start, text: this.#source.slice(start, end) });
      this.#blank(start, end);
    };
    while (end < this.#source.length && this.#source[end] !== "`") {
      if (this.#source.startsWith("${", end)) {
        closePiece();
        this.#code += "${";
        start = end = this.#readCode(end + 2, true) + 1;
        this.#code += "}";
        continue;
      }
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    closePiece();
    this.#code += "`";
    return end + 1;
  }

  #readRegExp(at: number): number {
    let isInClass = false;
    let end = at + 1;
    while (end < this.#source.length && (isInClass || this.#source[end] !== "/")) {
      if (this.#source[end] === "[") isInClass = true;
      if (this.#source[end] === "]") isInClass = false;
      end += this.#source[end] === "\\" ? 2 : 1;
    }
    this.#code += "/";
    this.#blank(at + 1, end);
    this.#code += "/";
    return end + 1;
  }

  #blank(start: number, end: number): number {
    this.#code += this.#source.slice(start, end).replace(/[^\n]/g, " ");
    return end;
  }
}
