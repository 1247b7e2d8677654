/** Exit codes of the program, after the `sysexits.h` of BSD. */

import { ConfigError, UsageError } from "../base/errors.ts";

/** What the exit code tells the shell or the service manager. */
export const EXIT_CODE = {
  /** All went well, or the server was stopped by a signal. */
  ok: 0,
  /** Anything not named here: a port in use, a failed demo. */
  failure: 1,
  /** The command line cannot be understood (`EX_USAGE`). */
  usage: 64,
  /** The configuration cannot be used (`EX_CONFIG`). */
  config: 78,
} as const;

/** One of {@linkcode EXIT_CODE}. */
export type ExitCode = (typeof EXIT_CODE)[keyof typeof EXIT_CODE];

/** The exit code of a program that ends with this error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT_CODE.usage;
  if (error instanceof ConfigError) return EXIT_CODE.config;
  return EXIT_CODE.failure;
}
