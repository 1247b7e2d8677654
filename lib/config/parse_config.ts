/** Parses configuration text. Reads no files itself; see `load.ts`. */

import type { ConfigProblem } from "../base/errors.ts";
import { buildConfig } from "./build_config.ts";
import { type Config, DEFAULT_VHOST } from "./config.ts";
import { applyEnvironment, type Environment, NO_VARIABLES } from "./environment.ts";
import { refuseOtherFormats } from "./other_formats.ts";
import { ProblemList } from "./problem_list.ts";
import { parseSrs, type ReadFile } from "./srs_parser.ts";
import { translate } from "./srs_translate.ts";
import { syntaxOf, tomlSyntax } from "./syntax.ts";
import { parseToml } from "./toml.ts";

/** A configuration and the warnings about its file. */
export interface LoadedConfig {
  readonly config: Config;
  /** Sorted by position: the main file first, then by line and column. */
  readonly warnings: readonly ConfigProblem[];
}

/** Options of {@linkcode parseConfig}. */
interface ParseOptions {
  /** Reads the files that the text includes. */
  readonly readFile: ReadFile;
  /** Replaces values of the text. */
  readonly environment?: Environment;
}

/**
 * Parses `text`, the contents of `fileName`: as TOML if the name ends in `.toml`, otherwise in the
 * SRS format.
 *
 * @throws {ConfigError} with all errors and warnings, sorted by position, when there is any error
 */
export function parseConfig(
  text: string,
  fileName: string,
  { readFile, environment = NO_VARIABLES }: ParseOptions,
): LoadedConfig {
  const problems = new ProblemList(fileName);
  refuseOtherFormats(text, fileName, problems);
  const directives = syntaxOf(fileName) === tomlSyntax
    ? parseToml(text, fileName, problems)
    : parseSrs(text, fileName, { readFile, problems });
  const all = applyEnvironment(translate(directives), environment);
  const config = buildConfig(all, fileName, problems);
  return { config, warnings: problems.warningsOrThrow() };
}

/**
 * Returns the configuration without a file: an origin on port 1935, logging to the console, unless
 * variables say otherwise.
 *
 * @throws {ConfigError} as {@linkcode parseConfig}, for variables only.
 */
export function parseDefaults(environment: Environment): LoadedConfig {
  const text = `listen 1935; vhost ${DEFAULT_VHOST} { }`;
  return parseConfig(text, "default", { readFile: () => undefined, environment });
}

/** Returns the configuration without a file and variables. */
export function defaultConfig(): Config {
  return parseDefaults(NO_VARIABLES).config;
}
