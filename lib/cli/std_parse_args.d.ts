/** The part of `@std/cli/parse-args` that the command line uses; the npm build has no types. */

export interface ParseOptions {
  readonly string?: readonly string[];
  readonly boolean?: readonly string[];
  readonly collect?: readonly string[];
  readonly alias?: Readonly<Record<string, string>>;
  /** Called for positionals (without `key`) and for options that are not named above. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export interface ParsedArgs {
  readonly _: readonly string[];
  readonly [option: string]: unknown;
}

export function parseArgs(args: readonly string[], options?: ParseOptions): ParsedArgs;
