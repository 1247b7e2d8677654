import { ConfigError, describeError } from "../base/errors.ts";
import { type Environment, NO_VARIABLES } from "./environment.ts";
import { type LoadedConfig, parseConfig } from "./parse_config.ts";
import type { ReadFile } from "./srs_parser.ts";

/** Options of {@linkcode loadConfig}. */
interface LoadOptions {
  /** Replaces values of the files. */
  readonly environment?: Environment;
  /** Folder of relative paths, when it is not the working directory. */
  readonly folder?: string;
  /** Called with the path of every file before it is read, missing ones included. */
  readonly onRead?: (path: string) => void;
}

/**
 * Reads the configuration from the file at `path` and the files it includes. This is the only
 * function of this folder that reads files.
 *
 * @throws {ConfigError} with all errors and warnings, sorted by position, when there is any error
 */
export function loadConfig(
  path: string,
  { environment = NO_VARIABLES, folder = ".", onRead = () => {} }: LoadOptions = {},
): LoadedConfig {
  const readFile = (file: string) => {
    if (isStandardInput(file)) return readStdin();
    const path = ABSOLUTE.test(file) ? file : `${folder}/${file}`;
    onRead(path);
    return readText(path);
  };
  return parseConfig(readMainFile(path, readFile), path, { readFile, environment });
}

/**
 * Reads a configuration without parsing it.
 *
 * @throws {ConfigError} when there is no such file
 */
export function readConfigText(
  path: string,
): { readonly text: string; readonly readFile: ReadFile } {
  const readFile = (file: string) => isStandardInput(file) ? readStdin() : readText(file);
  return { text: readMainFile(path, readFile), readFile };
}

function readMainFile(path: string, readFile: ReadFile): string {
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

/** On Windows, paths begin with a drive. */
const ABSOLUTE = /^\/|^[A-Z]:/i;

/** Other names of the standard input, which needs no permission. */
const STDIN = ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"];

/** Returns whether `path` is a name of the standard input, which can be read only once. */
export function isStandardInput(path: string): boolean {
  return STDIN.includes(path);
}

function readText(path: string): string | undefined {
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
