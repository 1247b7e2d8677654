/** The tree both file formats are read into, before anything is known about the names in it. */

/** Where something is written. */
export interface Position {
  /** File as the user named it. */
  readonly file: string;
  /** 1-based; 0 when there is no place within the file. */
  readonly line: number;
  /** 1-based, in UTF-16 units; 0 when there is no place within the file. */
  readonly column: number;
}

/** One value of a directive. */
export interface Word extends Position {
  readonly text: string;
}

/** `name args…;` or `name args… { children }`. The place is that of the name. */
export interface Directive extends Position {
  readonly name: string;
  readonly args: readonly Word[];
  /** Undefined when the directive has no block. */
  readonly children: readonly Directive[] | undefined;
}

/** The first directive called `name`, which is the one that counts (as in SRS). */
export function findDirective(
  directives: readonly Directive[],
  name: string,
): Directive | undefined {
  return directives.find((directive) => directive.name === name);
}
