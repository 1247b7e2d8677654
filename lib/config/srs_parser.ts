import { describeError } from "../base/errors.ts";
import { quotePeerText } from "../base/text.ts";
import type { Directive, Position } from "./directive.ts";
import type { ProblemList } from "./problem_list.ts";
import { lexSrs, type Token } from "./srs_lexer.ts";

/**
 * Returns the text of a file, or undefined when it does not exist. `path` is absolute or relative
 * to the working directory. May throw when the file exists but cannot be read.
 */
export type ReadFile = (path: string) => string | undefined;

/** What {@linkcode parseSrs} needs besides the text. */
interface ParseContext {
  readonly readFile: ReadFile;
  readonly problems: ProblemList;
}

/**
 * Parses `text`, the contents of `file`, and the files it includes. Problems go to
 * `context.problems`. Never throws.
 *
 * The grammar is that of SRS 7.0.18. Unlike SRS, the parser continues after a mistake, so that all
 * mistakes are reported at once.
 *
 * DEVIATION: SRS looks up an include from the working directory only | because a server started
 * elsewhere would not find it; the folder of the including file is tried second | test "parseSrs()
 * looks for an include next to the including file when the working directory lacks it"
 */
export function parseSrs(text: string, file: string, context: ParseContext): readonly Directive[] {
  const directives: Directive[] = [];
  new FileParser(file, { ...context, open: [normalizePath(file)] }).run(text, directives);
  return directives;
}

interface FileContext extends ParseContext {
  /** Normalized paths of the files being read, outermost first. */
  readonly open: readonly string[];
}

interface Frame {
  readonly children: Directive[];
  /** First word of the block, or its `{` when it has no name. */
  readonly opener: Token;
}

class FileParser {
  readonly #file: string;
  readonly #context: FileContext;
  readonly #frames: Frame[] = [];
  #root: Directive[] = [];
  #words: Token[] = [];
  /** A line that is a comment of another format; 0 for none. */
  #skipped = 0;

  constructor(file: string, context: FileContext) {
    this.#file = file;
    this.#context = context;
  }

  /** Appends the directives of `text` to `into`. */
  run(text: string, into: Directive[]): void {
    this.#root = into;
    const tokens = lexSrs(text, this.#file, this.#context.problems);
    for (const [index, token] of tokens.entries()) this.#take(token, tokens, index);
  }

  get #children(): Directive[] {
    return this.#frames.at(-1)?.children ?? this.#root;
  }

  #take(token: Token, tokens: readonly Token[], index: number): void {
    if (token.line === this.#skipped && token.kind !== "word" && token.kind !== "end") return;
    switch (token.kind) {
      case "word":
        if (this.#words.length === 0 && token.text.startsWith("//")) this.#skipped = token.line;
        if (token.line !== this.#skipped) this.#words.push(token);
        else if (token.text.startsWith("//")) {
          this.#error(token, `Unexpected ${quotePeerText(token.text)}`, "comments begin with #");
        }
        return;
      case "eol":
        return this.#endLine(tokens, index);
      case ";":
        return this.#endDirective(token);
      case "{":
        return this.#openBlock(token);
      case "}":
        return this.#closeBlock(token);
      case "end":
        return this.#endFile();
    }
  }

  #endLine(tokens: readonly Token[], index: number): void {
    // Report only the first line end after a word, not the blank lines that follow it.
    if (this.#words.length === 0 || tokens[index - 1]?.kind !== "word") return;
    const next = nextKind(tokens, index);
    const isNear = next === "{" || next === ";";
    if (!isNear && this.#words[0]!.text === "vhost" && this.#words.length === 2) {
      // Read on in the block, so that its directives are not reported.
      const last = this.#words[1]!;
      this.#incomplete("Line", 'write "{" at the end of the line');
      return this.#openBlock(last);
    }
    this.#incomplete("Line", isNear ? `write the "${next}" on this line` : undefined);
    // A lone name may continue on the next line. Anything longer most likely lacks its ";".
    if (!isNear && this.#words.length > 1) this.#finish();
  }

  #endDirective(token: Token): void {
    if (this.#words.length > 0) return this.#finish();
    this.#error(token, 'Unexpected ";"', "remove it, or write a directive before it");
  }

  #openBlock(token: Token): void {
    const [first] = this.#words;
    const children: Directive[] = [];
    if (first === undefined) {
      this.#error(token, 'Unexpected "{"', "write the block's name before it");
    } else if (first.text === "include") {
      this.#error(token, 'Unexpected "{" after "include"', 'name the files and end with ";"');
    } else {
      this.#add(children);
    }
    this.#frames.push({ children, opener: first ?? token });
    this.#words = [];
  }

  #closeBlock(token: Token): void {
    if (this.#words.length > 0) {
      this.#incomplete("Block");
      this.#finish();
    }
    if (this.#frames.pop() !== undefined) return;
    this.#error(token, 'Unexpected "}"', "remove it, or open a block before it");
  }

  #endFile(): void {
    if (this.#words.length > 0) {
      this.#incomplete("File");
      this.#finish();
    }
    for (const { opener } of this.#frames) {
      this.#error(opener, `Block ${quotePeerText(opener.text)} is not closed`, 'add a "}"');
    }
  }

  #incomplete(what: "Line" | "Block" | "File", fix?: string): void {
    const last = this.#words.at(-1)!;
    this.#error(
      { ...last, column: last.endColumn },
      `${what} ends before the ";" or "{" of ${quotePeerText(this.#words[0]!.text)}`,
      fix ?? 'write the whole directive on one line and end it with ";"',
    );
  }

  #finish(): void {
    if (this.#words[0]!.text === "include") this.#include();
    else this.#add(undefined);
    this.#words = [];
  }

  #add(children: Directive[] | undefined): void {
    const [name, ...args] = this.#words;
    const { file, line, column } = name!;
    const words = args.map(({ text, file, line, column }) => ({ text, file, line, column }));
    this.#children.push({ name: name!.text, args: words, children, file, line, column });
  }

  #include(): void {
    const [include, ...files] = this.#words;
    if (files.length === 0) {
      this.#error(include!, '"include" names no file', 'write "include FILE;"');
    }
    for (const file of files) this.#includeFile(file);
  }

  #includeFile(word: Token): void {
    const found = this.#find(word);
    if (found === undefined) return;
    const path = normalizePath(found.file);
    const { open } = this.#context;
    if (open.includes(path)) {
      const what = `File ${quotePeerText(word.text)} includes itself`;
      return this.#error(word, what, "remove this include, or the one that leads to it");
    }
    const context = { ...this.#context, open: [...open, path] };
    new FileParser(found.file, context).run(found.text, this.#children);
  }

  #find(word: Token): { readonly file: string; readonly text: string } | undefined {
    const beside = besideFile(this.#file, word.text);
    try {
      for (const file of new Set([word.text, beside])) {
        const text = this.#context.readFile(file);
        if (text !== undefined) return { file, text };
      }
      const where = beside === word.text ? "" : ` and no ${quotePeerText(beside)}`;
      const what = `Cannot include ${quotePeerText(word.text)}: there is no such file${where}`;
      const fix = /[*?[]/.test(word.text)
        ? "name each file; patterns are not supported"
        : "correct the path; it is relative to the working directory";
      this.#error(word, what, fix);
    } catch (error) {
      const what = `Cannot include ${quotePeerText(word.text)}: ${describeError(error)}`;
      this.#error(word, what, "make the file readable");
    }
    return undefined;
  }

  #error(at: Position, what: string, fix: string): void {
    this.#context.problems.error(at, what, fix);
  }
}

/** Returns the kind of the first token at or after `index` that is not a line end. */
function nextKind(tokens: readonly Token[], index: number): Token["kind"] {
  let at = index;
  while (tokens[at]!.kind === "eol") at++;
  return tokens[at]!.kind;
}

/** Resolves `path` against the folder of `file`. */
function besideFile(file: string, path: string): string {
  const folder = file.slice(0, file.lastIndexOf("/") + 1);
  return path.startsWith("/") ? path : folder + path;
}

/** Removes `.`, `..` and double slashes, so that each file has one name. */
function normalizePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === ".." && parts.length > 0 && parts.at(-1) !== "..") parts.pop();
    else parts.push(part);
  }
  return (path.startsWith("/") ? "/" : "") + parts.join("/");
}
