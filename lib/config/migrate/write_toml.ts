import { quotePeerText } from "../../base/text.ts";
import type { Directive } from "../directive.ts";
import type { Entries, Entry } from "../schema.ts";
import { ROOT } from "../schema.ts";
import { tomlSyntax } from "../syntax.ts";
import type { Comments } from "./comments.ts";
import type { Note } from "./note.ts";

/** A configuration in TOML. */
interface Written {
  readonly toml: string;
  /** Number of directives with values that were written. */
  readonly kept: number;
  /** What was left out. */
  readonly notes: readonly Note[];
}

/** Writes a tree of directives, which is valid, as TOML with its comments. */
export function writeToml(directives: readonly Directive[], comments: Comments): Written {
  const writer = new TomlWriter(comments);
  const lines = [...writer.table(directives, ROOT, []), ...comments.rest];
  return {
    toml: `${lines.join("\n").replace(/^\n+/, "").replace(/\n{3,}/g, "\n\n")}\n`,
    kept: writer.kept,
    notes: writer.notes,
  };
}

class TomlWriter {
  readonly notes: Note[] = [];
  kept = 0;
  readonly #comments: Comments;

  constructor(comments: Comments) {
    this.#comments = comments;
  }

  /** Options first: in TOML, the header of a table ends the one before. */
  table(directives: readonly Directive[], entries: Entries, path: readonly string[]): string[] {
    const options: string[] = [];
    const blocks: string[] = [];
    const seen = new Set<string>();
    for (const directive of directives) {
      const entry = entries[directive.name];
      const key = entry?.kind === "named block"
        ? `${directive.name} ${directive.args[0]?.text}`
        : directive.name;
      if (entry?.kind === "option" || entry?.kind === "unsupported") {
        options.push(...this.#comments.take(directive));
        options.push(...this.#line(directive, entry, seen.has(key) ? [] : directives));
      } else if (entry !== undefined && !seen.has(key)) {
        blocks.push(...this.#block(directive, entry.entries, path));
      }
      seen.add(key);
    }
    return [...options, ...blocks];
  }

  /** @param siblings those that a repeatable directive is written together with */
  #line(directive: Directive, entry: Entry, siblings: readonly Directive[]): string[] {
    const { name, args } = directive;
    if (entry.kind !== "option") {
      this.#leaveOut(directive, `${quotePeerText(name)} is not supported`);
      return [`# Left out, not supported: ${name}`];
    }
    if (entry.isRepeatable) {
      const all = siblings.filter((sibling) => sibling.name === name).map(({ args }) => args);
      this.kept++;
      if (all.length === 0) return [];
      if (all.length > 1) return [`${name} = [${all.map(listOf).join(", ")}]`];
    } else if (siblings.length === 0) {
      this.#leaveOut(
        directive,
        `${quotePeerText(name)} is written twice, and the first one applies`,
      );
      return [];
    } else this.kept++;
    return [tomlSyntax.option(name, args.map(({ text }) => text))];
  }

  #block(directive: Directive, entries: Entries, path: readonly string[]): string[] {
    const inner = [...path, directive.name, ...directive.args.map(({ text }) => text)];
    return [
      "",
      ...this.#comments.take(directive),
      `[${inner.map(keyOf).join(".")}]`,
      ...this.table(directive.children ?? [], entries, inner),
    ];
  }

  #leaveOut({ file, line, column }: Directive, what: string): void {
    this.notes.push({ kind: "ignored", file, line, column, what });
  }
}

function listOf(words: Directive["args"]): string {
  return `[${words.map(({ text }) => JSON.stringify(text)).join(", ")}]`;
}

function keyOf(name: string): string {
  return /^[\w-]+$/.test(name) ? name : JSON.stringify(name);
}
