import { ConfigError, type ConfigProblem } from "../base/errors.ts";
import type { Position } from "./directive.ts";

/** Collects the problems of one configuration, so that all of them are reported at once. */
export class ProblemList {
  readonly #mainFile: string;
  readonly #problems: ConfigProblem[] = [];

  /** @param mainFile the file whose problems are listed before those of included files */
  constructor(mainFile: string) {
    this.#mainFile = mainFile;
  }

  /** Adds a problem that prevents startup. Returns undefined, as parsers do for a bad value. */
  error(at: Position, what: string, fix: string): undefined {
    this.#add("error", at, { what, fix });
  }

  /** Adds a problem that does not prevent startup. */
  warn(at: Position, what: string, fix: string): void {
    this.#add("warning", at, { what, fix });
  }

  /**
   * Adds a problem that ends parsing.
   *
   * @throws {ConfigError} always, with every problem so far
   */
  fail(at: Position, what: string, fix: string): never {
    this.error(at, what, fix);
    throw new ConfigError(this.#sorted());
  }

  /**
   * Returns the warnings, sorted by position.
   *
   * @throws {ConfigError} with every problem, including warnings, when any is an error
   */
  warningsOrThrow(): readonly ConfigProblem[] {
    const sorted = this.#sorted();
    if (sorted.some((problem) => problem.severity === "error")) throw new ConfigError(sorted);
    return sorted;
  }

  #sorted(): readonly ConfigProblem[] {
    return this.#problems.toSorted((a, b) => this.#compare(a, b));
  }

  #add(
    severity: ConfigProblem["severity"],
    { file, line, column }: Position,
    text: { readonly what: string; readonly fix: string },
  ): void {
    // A variable that applies to several vhosts has the same problem in each.
    const isKnown = line === 0 &&
      this.#problems.some((known) => known.file === file && known.what === text.what);
    if (!isKnown) this.#problems.push({ severity, file, line, column, ...text });
  }

  #compare(a: ConfigProblem, b: ConfigProblem): number {
    if (a.file === b.file) return a.line - b.line || a.column - b.column;
    if (a.file === this.#mainFile) return -1;
    if (b.file === this.#mainFile) return 1;
    return a.file < b.file ? -1 : 1;
  }
}
