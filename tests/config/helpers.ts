/** Shortcuts of the configuration tests: files live in memory. */

import { ConfigError, describeConfigProblem } from "../../lib/base/errors.ts";
import type { VhostConfig } from "../../lib/config/config.ts";
import { type LoadedConfig, parseConfig } from "../../lib/config/parse_config.ts";
import type { ReadFile } from "../../lib/config/srs_parser.ts";

/** Options of the shortcuts. */
export interface TestFile {
  /** Name of the file with the text. */
  readonly file?: string;
  /** Texts of other files by path. */
  readonly others?: Readonly<Record<string, string>>;
}

/** A reader of the files in `others`. */
export function readFrom(others: Readonly<Record<string, string>> = {}): ReadFile {
  return (path) => Object.hasOwn(others, path) ? others[path] : undefined;
}

/** Parses `text` as `x.conf` unless told otherwise. */
export function load(text: string, { file = "x.conf", others }: TestFile = {}): LoadedConfig {
  return parseConfig(text, file, { readFile: readFrom(others) });
}

/** All problems of `text` as they are printed, warnings too. */
export function problemsOf(text: string, options?: TestFile): string[] {
  try {
    return load(text, options).warnings.map(describeConfigProblem);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(describeConfigProblem);
    throw error;
  }
}

/** The vhost `v` of an SRS file whose vhost contains `inner`. */
export function loadVhost(inner: string): VhostConfig {
  return load(inVhost(inner)).config.vhosts.get("v")!;
}

/** A complete file with `inner` from line 3, column 1 on, in the vhost `v`. */
export function inVhost(inner: string): string {
  return `listen 1935;\nvhost v {\n${inner}\n}`;
}

/** The same in TOML: `inner` from line 3 on. */
export function inTomlVhost(inner: string): string {
  return `listen = 1935\n[vhost.v]\n${inner}\n`;
}
