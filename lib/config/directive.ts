/** The tree that both file formats are parsed into. Names and values are not checked yet. */

/** A position in a file. */
export interface Position {
  /** File as the user named it. */
  readonly file: string;
  /** 1-based; 0 for the file as a whole. */
  readonly line: number;
  /** 1-based, in UTF-16 units; 0 for the file as a whole. */
  readonly column: number;
}

/** One value of a directive. */
export interface Word extends Position {
  readonly text: string;
}

/** `name args…;` or `name args… { children }`. The position is that of the name. */
export interface Directive extends Position {
  readonly name: string;
  readonly args: readonly Word[];
  /** Undefined when the directive has no block. */
  readonly children: readonly Directive[] | undefined;
}

/** Returns the first directive called `name`, which is the one that applies (as in SRS). */
export function findDirective(
  directives: readonly Directive[],
  name: string,
): Directive | undefined {
  return directives.find((directive) => directive.name === name);
}
