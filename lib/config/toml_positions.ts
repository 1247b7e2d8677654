import type { Position } from "./directive.ts";

/** Keys and array indexes from the root of the document to a value. */
export type TomlPath = readonly (string | number)[];

/** Positions of the keys and values of a document. */
export interface TomlPositions {
  /** Position of the key at `path`, or of the array item there. */
  readonly ofKey: (path: TomlPath) => Position;
  /** Position of the value at `path`. */
  readonly ofValue: (path: TomlPath) => Position;
  /** Duplicate keys and tables, and tables written after their subtables. */
  readonly repeated: readonly { readonly name: string; readonly at: Position }[];
}

/**
 * Finds the positions of keys and values in `text`. The standard library's parser does not report
 * them, so this walks the text a second time. `text` must have valid syntax, but may have duplicate
 * keys. Never throws.
 */
export function findTomlPositions(text: string, file: string): TomlPositions {
  return new PositionFinder(text, file).run();
}

/** Returns the position of the character at `offset` of `text`. */
export function positionOf(text: string, offset: number, file: string): Position {
  const before = text.slice(0, offset).split("\n");
  return { file, line: before.length, column: before.at(-1)!.length + 1 };
}

interface Key {
  readonly name: string;
  readonly offset: number;
}

class PositionFinder {
  readonly #text: string;
  readonly #file: string;
  readonly #keys = new Map<string, number>();
  readonly #values = new Map<string, number>();
  readonly #repeated: Key[] = [];
  /** Number of tables so far in each array of tables. */
  readonly #tableCounts = new Map<string, number>();
  #at = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  run(): TomlPositions {
    let table: TomlPath = [];
    this.#skipBlank();
    while (this.#at < this.#text.length) {
      if (this.#peek() === "[") table = this.#header();
      else this.#pair(table);
      this.#skipBlank();
    }
    return {
      ofKey: (path) => this.#position(this.#keys.get(pathKey(path)) ?? this.#offsetAbove(path)),
      ofValue: (path) => this.#position(this.#values.get(pathKey(path)) ?? this.#offsetAbove(path)),
      repeated: this.#repeated.map(({ name, offset }) => ({ name, at: this.#position(offset) })),
    };
  }

  /** Reads `[a.b]` or `[[a.b]]`. Returns the path of the table. */
  #header(): TomlPath {
    const isArray = this.#text.startsWith("[[", this.#at);
    this.#at += isArray ? 2 : 1;
    let path: TomlPath = [];
    const keys = this.#dottedKey();
    for (const [index, key] of keys.entries()) {
      path = [...path, key.name];
      const isLast = index === keys.length - 1;
      this.#noteKey(path, key, isLast && !isArray);
      const id = pathKey(path);
      if (isLast && isArray) this.#tableCounts.set(id, (this.#tableCounts.get(id) ?? 0) + 1);
      const count = this.#tableCounts.get(id);
      if (count === undefined) continue;
      path = [...path, count - 1];
      this.#noteKey(path, key, false);
    }
    this.#at += isArray ? 2 : 1;
    return path;
  }

  /** Reads `a.b = value` in the table at `table`. */
  #pair(table: TomlPath): void {
    let path = table;
    const keys = this.#dottedKey();
    for (const [index, key] of keys.entries()) {
      path = [...path, key.name];
      this.#noteKey(path, key, index === keys.length - 1);
    }
    this.#skipSpaces();
    this.#at++; // the equals sign
    this.#value(path);
  }

  #noteKey(path: TomlPath, { name, offset }: Key, mustBeNew: boolean): void {
    const id = pathKey(path);
    if (!this.#keys.has(id)) this.#keys.set(id, offset);
    else if (mustBeNew) this.#repeated.push({ name, offset });
  }

  #dottedKey(): readonly Key[] {
    const keys: Key[] = [];
    for (;;) {
      this.#skipSpaces();
      const offset = this.#at;
      keys.push({ name: this.#key(), offset });
      this.#skipSpaces();
      if (this.#peek() !== ".") return keys;
      this.#at++;
    }
  }

  #key(): string {
    const start = this.#at;
    const quote = this.#peek();
    if (quote === '"' || quote === "'") {
      this.#string(quote);
      const inner = this.#text.slice(start + 1, this.#at - 1);
      return quote === '"' ? unescapeKey(inner) : inner;
    }
    this.#skip(/[A-Za-z0-9_-]*/y);
    return this.#text.slice(start, this.#at);
  }

  #value(path: TomlPath): void {
    this.#skipBlank();
    this.#values.set(pathKey(path), this.#at);
    const char = this.#peek();
    if (char === "[") this.#array(path);
    else if (char === "{") this.#inlineTable(path);
    else if (char === '"' || char === "'") this.#string(char);
    else this.#skip(/[^,\]}#\n]*/y);
  }

  #array(path: TomlPath): void {
    this.#at++;
    this.#skipBlank();
    for (let index = 0; this.#peek() !== "]"; index++) {
      this.#value([...path, index]);
      this.#skipBlank();
      if (this.#peek() !== ",") break;
      this.#at++;
      this.#skipBlank();
    }
    this.#at++;
  }

  #inlineTable(path: TomlPath): void {
    this.#at++;
    this.#skipBlank();
    while (this.#peek() !== "}") {
      this.#pair(path);
      this.#skipBlank();
      if (this.#peek() !== ",") break;
      this.#at++;
      this.#skipBlank();
    }
    this.#at++;
  }

  #string(quote: string): void {
    const isLong = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (this.#at < this.#text.length && !this.#text.startsWith(end, this.#at)) {
      this.#at += quote === '"' && this.#peek() === "\\" ? 2 : 1;
    }
    this.#at += end.length;
    // A long string may end with one or two quotes before its closing quotes.
    if (isLong) this.#skip(quote === '"' ? /"{0,2}/y : /'{0,2}/y);
  }

  /** Skips blanks, line ends and comments. */
  #skipBlank(): void {
    this.#skip(/(?:[\s]+|#[^\n]*)*/y);
  }

  #skipSpaces(): void {
    this.#skip(/[ \t]*/y);
  }

  #skip(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.#text)?.[0].length ?? 0;
  }

  #peek(): string | undefined {
    return this.#text[this.#at];
  }

  /** Returns the offset of the nearest table or value that contains `path`. */
  #offsetAbove(path: TomlPath): number {
    for (let length = path.length; length > 0; length--) {
      const key = pathKey(path.slice(0, length));
      const offset = this.#values.get(key) ?? this.#keys.get(key);
      if (offset !== undefined) return offset;
    }
    return 0;
  }

  #position(offset: number): Position {
    return positionOf(this.#text, offset, this.#file);
  }
}

function pathKey(path: TomlPath): string {
  return JSON.stringify(path);
}

/** Resolves the escapes of a quoted key. They are those of JSON, except for the long `\U`. */
function unescapeKey(inner: string): string {
  try {
    return JSON.parse(`"${inner}"`);
  } catch {
    return inner;
  }
}
