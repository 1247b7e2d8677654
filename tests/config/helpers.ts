/** Shortcuts for the configuration tests, with files in memory. */

import { ConfigError, describeConfigProblem } from "../../lib/base/errors.ts";
import type { VhostConfig } from "../../lib/config/config.ts";
import { type LoadedConfig, parseConfig } from "../../lib/config/parse_config.ts";
import type { ReadFile } from "../../lib/config/srs_parser.ts";

/** Options of the shortcuts. */
interface TestFile {
  /** Name of the main file. */
  readonly file?: string;
  /** Contents of other files by path. */
  readonly others?: Readonly<Record<string, string>>;
}

/** Returns a reader for the files in `others`. */
export function readFrom(others: Readonly<Record<string, string>> = {}): ReadFile {
  return (path) => Object.hasOwn(others, path) ? others[path] : undefined;
}

/** Parses `text`, as `x.conf` by default. */
export function load(text: string, { file = "x.conf", others }: TestFile = {}): LoadedConfig {
  return parseConfig(text, file, { readFile: readFrom(others) });
}

/** Returns all problems of `text` as printed, including warnings. */
export function problemsOf(text: string, options?: TestFile): string[] {
  try {
    return load(text, options).warnings.map(describeConfigProblem);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeConfigProblem);
    throw error;
  }
}

/** Returns the vhost `v` of an SRS file, which contains `inner`. */
export function loadVhost(inner: string): VhostConfig {
  return load(inVhost(inner)).config.vhosts.get("v")!;
}

/** Returns a complete file with `inner` in the vhost `v`, from line 3, column 1. */
export function inVhost(inner: string): string {
  return `listen 1935;\nvhost v {\n${inner}\n}`;
}

/** Returns the same in TOML, with `inner` from line 3. */
export function inTomlVhost(inner: string): string {
  return `listen = 1935\n[vhost.v]\n${inner}\n`;
}
