/**
 * Finds where the keys and values of a TOML text are written. The standard library's parser tells
 * what they are but not where, so this walks the same text again; it relies on that parser having
 * accepted it.
 */

import type { Place } from "./directive.ts";

/** Keys and array indexes from the root of the document to a value. */
export type TomlPath = readonly (string | number)[];

/** Where everything in a document is. */
export interface TomlPlaces {
  /** Place of the key at `path` (for an array item: of the item). */
  readonly ofKey: (path: TomlPath) => Place;
  /** Place of the value at `path`. */
  readonly ofValue: (path: TomlPath) => Place;
  /** Keys given a value when they had one, which TOML forbids and the standard parser lets pass. */
  readonly repeated: readonly { readonly key: string; readonly at: Place }[];
}

/** The places in `text`, a valid TOML document. Never throws. */
export function findTomlPlaces(text: string, file: string): TomlPlaces {
  return new PlaceFinder(text, file).run();
}

/** The place of the character at `offset` of `text`. */
export function placeOf(text: string, offset: number, file: string): Place {
  const before = text.slice(0, offset).split("\n");
  return { file, line: before.length, column: before.at(-1)!.length + 1 };
}

class PlaceFinder {
  readonly #text: string;
  readonly #file: string;
  readonly #keys = new Map<string, number>();
  readonly #values = new Map<string, number>();
  readonly #repeated: { key: string; offset: number }[] = [];
  /** Number of tables so far in each array of tables. */
  readonly #tableCounts = new Map<string, number>();
  readonly #headers = new Set<string>();
  #at = 0;

  constructor(text: string, file: string) {
    this.#text = text;
    this.#file = file;
  }

  run(): TomlPlaces {
    let table: TomlPath = [];
    for (;;) {
      this.#skipBlank();
      if (this.#at >= this.#text.length) break;
      if (this.#peek() === "[") table = this.#header();
      else this.#pair(table);
    }
    return {
      ofKey: (path) => this.#place(this.#keys.get(pathKey(path)) ?? this.#offsetAbove(path)),
      ofValue: (path) => this.#place(this.#values.get(pathKey(path)) ?? this.#offsetAbove(path)),
      repeated: this.#repeated.map(({ key, offset }) => ({ key, at: this.#place(offset) })),
    };
  }

  /** `[a.b]` or `[[a.b]]`; returns the path its pairs are under. */
  #header(): TomlPath {
    const isArray = this.#text.startsWith("[[", this.#at);
    this.#at += isArray ? 2 : 1;
    let path: TomlPath = [];
    const keys = this.#dottedKey();
    for (const [index, { key, offset }] of keys.entries()) {
      path = [...path, key];
      this.#note(this.#keys, path, offset);
      const isLast = index === keys.length - 1;
      if (isLast && isArray) {
        this.#tableCounts.set(pathKey(path), (this.#tableCounts.get(pathKey(path)) ?? 0) + 1);
      } else if (isLast) {
        this.#noteHeader(path, key, offset);
      }
      const count = this.#tableCounts.get(pathKey(path));
      if (count !== undefined) {
        path = [...path, count - 1];
        this.#note(this.#keys, path, offset);
      }
    }
    this.#at += isArray ? 2 : 1;
    return path;
  }

  #noteHeader(path: TomlPath, key: string, offset: number): void {
    const id = pathKey(path);
    if (this.#headers.has(id) || this.#values.has(id)) this.#repeated.push({ key, offset });
    this.#headers.add(id);
  }

  /** `a.b = value` in the table at `table`. */
  #pair(table: TomlPath): void {
    let path = table;
    const keys = this.#dottedKey();
    for (const { key, offset } of keys) {
      path = [...path, key];
      this.#note(this.#keys, path, offset);
    }
    const { key, offset } = keys.at(-1)!;
    const id = pathKey(path);
    if (this.#values.has(id) || this.#headers.has(id)) this.#repeated.push({ key, offset });
    this.#skipSpaces();
    this.#at++; // the equals sign
    this.#value(path);
  }

  #dottedKey(): { readonly key: string; readonly offset: number }[] {
    const keys = [];
    for (;;) {
      this.#skipSpaces();
      const offset = this.#at;
      keys.push({ key: this.#key(), offset });
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
    this.#note(this.#values, path, this.#at);
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
    // A long string may end in one or two quotes of its own.
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

  #note(places: Map<string, number>, path: TomlPath, offset: number): void {
    const key = pathKey(path);
    if (!places.has(key)) places.set(key, offset);
  }

  /** Offset of the nearest table or value around `path`. */
  #offsetAbove(path: TomlPath): number {
    for (let length = path.length; length > 0; length--) {
      const key = pathKey(path.slice(0, length));
      const offset = this.#values.get(key) ?? this.#keys.get(key);
      if (offset !== undefined) return offset;
    }
    return 0;
  }

  #place(offset: number): Place {
    return placeOf(this.#text, offset, this.#file);
  }
}

function pathKey(path: TomlPath): string {
  return JSON.stringify(path);
}

/** Undoes the escapes of a quoted key, which are those of JSON apart from a long `\U`. */
function unescapeKey(inner: string): string {
  try {
    return JSON.parse(`"${inner}"`);
  } catch {
    return inner;
  }
}
