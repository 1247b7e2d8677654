import type { Directive } from "../directive.ts";

/** A comment of a file in SRS's or nginx's format, with its `#`. */
interface Comment {
  readonly line: number;
  readonly text: string;
}

/** The comments of a configuration, by directive. */
export interface Comments {
  /**
   * Returns the comments above a directive and behind it, on its line: once, because several
   * directives may be made of one.
   */
  take(directive: Directive): readonly string[];
  /** Comments behind the last directive of a file. */
  readonly rest: readonly string[];
}

/**
 * Gives each comment to the next directive of its file: the one on its line, or below.
 *
 * @param texts contents of the files by name
 */
export function assignComments(
  directives: readonly Directive[],
  texts: ReadonlyMap<string, string>,
): Comments {
  const byPosition = new Map<string, string[]>();
  const rest: string[] = [];
  for (const [file, text] of texts) {
    const owners = flatten(directives).filter((directive) => directive.file === file)
      .toSorted((a, b) => a.line - b.line || a.column - b.column);
    for (const { line, text: comment } of readComments(text)) {
      const owner = owners.find((directive) => directive.line >= line);
      if (owner === undefined) rest.push(comment);
      else byPosition.set(keyOf(owner), [...byPosition.get(keyOf(owner)) ?? [], comment]);
    }
  }
  return {
    rest,
    take(directive) {
      const comments = byPosition.get(keyOf(directive)) ?? [];
      byPosition.delete(keyOf(directive));
      return comments;
    },
  };
}

/** Finds comments by SRS's rule: `#` begins one at the start of a word, outside of quotes. */
function readComments(text: string): Comment[] {
  return text.split("\n").flatMap((source, index) => {
    const found = /^(?:[^"'#]|"[^"]*"|'[^']*'|(?<![\s;{}])#)*?(?<=^|[\s;{}])(#.*)/.exec(source);
    return found === null ? [] : [{ line: index + 1, text: found[1]!.trimEnd() }];
  });
}

function flatten(directives: readonly Directive[]): Directive[] {
  return directives.flatMap((directive) => [directive, ...flatten(directive.children ?? [])]);
}

function keyOf({ file, line, column }: Directive): string {
  return `${file}:${line}:${column}`;
}
