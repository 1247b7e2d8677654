import { ConfigError, describeError } from "../base/errors.ts";
import { type Environment, NO_VARIABLES } from "./environment.ts";
import { type LoadedConfig, parseConfig } from "./parse_config.ts";

/**
 * Reads the configuration from the file at `path` and the files it includes; `environment` replaces
 * values of them. This is the only
 * function of this folder that reads files.
 *
 * @throws {ConfigError} with all errors and warnings, sorted by position, when there is any error
 */
export function loadConfig(path: string, environment: Environment = NO_VARIABLES): LoadedConfig {
  return parseConfig(readMainFile(path), path, { readFile, environment });
}

function readMainFile(path: string): string {
  let why = "there is no such file";
  try {
    const text = readFile(path);
    if (text !== undefined) return text;
  } catch (error) {
    why = describeError(error);
  }
  const what = `Cannot read the configuration: ${why}`;
  const fix = "name a readable file, e.g. conf/edge.conf";
  throw new ConfigError([{ severity: "error", file: path, line: 0, column: 0, what, fix }]);
}

/** Other names of the standard input, which needs no permission. */
const STDIN = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

function readFile(path: string): string | undefined {
  if (STDIN.includes(path)) return readStdin();
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.IsADirectory) throw new Error("it is a folder");
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readStdin(): string {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (let count: number | null; (count = Deno.stdin.readSync(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text + decoder.decode();
}
