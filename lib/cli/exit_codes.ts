import { ConfigError, UsageError } from "../base/errors.ts";

/** Exit codes of the program, from BSD's `sysexits.h`. */
export const EXIT_CODE = {
  /** Success, or the server was stopped by a signal. */
  ok: 0,
  /** Any other failure: a port in use, a failed demo. */
  failure: 1,
  /** Wrong command line (`EX_USAGE`). */
  usage: 64,
  /** Wrong configuration (`EX_CONFIG`). */
  config: 78,
} as const;

/** One of {@linkcode EXIT_CODE}. */
export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** Returns the exit code for an error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT_CODE.usage;
  if (error instanceof ConfigError) {
    const isFlag = error.problems[0]?.file.startsWith("--") ?? false;
    return isFlag ? EXIT_CODE.usage : EXIT_CODE.config;
  }
  return EXIT_CODE.failure;
}
