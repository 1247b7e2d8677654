// @ts-types="./std_parse_args.d.ts"
import { parseArgs, type ParsedArgs } from "@std/cli/parse-args";
import { UsageError } from "../base/errors.ts";
import type { LogLevel } from "../base/log.ts";
import { quotePeerText } from "../base/text.ts";
import type { DemoScene } from "../demo/run_demo.ts";
import { isIp } from "../config/address.ts";
import { nearestName } from "../config/nearest.ts";
import { LOG_LEVEL_NAMES } from "../config/values.ts";
import type { LogFormat } from "../logging/log_line.ts";

/** Settings of the command line, which override those of the configuration. */
interface ServeOverrides {
  /** Addresses to listen on: `PORT` or `HOST:PORT`. Checked with the configuration. */
  readonly listen?: readonly string[];
  /** Make the default vhost an edge: `HOST` or `HOST:PORT`. Checked with the configuration. */
  readonly origins?: readonly string[];
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

/** Runs the server, or with `test` only checks its configuration. */
export interface ServeCommand {
  readonly type: "serve";
  /** When absent: an origin with default settings, and the overrides. */
  readonly configFile?: string;
  readonly test: boolean;
  /** Take the place of the server that runs with the same pid file. */
  readonly replace: boolean;
  readonly overrides: ServeOverrides;
}

/** Runs the demo. */
interface DemoCommand {
  readonly type: "demo";
  /** Whole seconds, 1…86400. When absent: the demo's default. */
  readonly seconds?: number;
  readonly scene?: DemoScene;
  /** File for a recording of the terminal. */
  readonly record?: string;
  /** Shows the pages in a browser. */
  readonly open?: boolean;
}

/** Asks a running server whether it is healthy. */
interface HealthCommand {
  readonly type: "health";
  /** When absent: that of the API's default address. */
  readonly url?: string;
}

/** Writes a configuration of another server in this one's TOML. */
interface MigrateCommand {
  readonly type: "migrate";
  readonly file: string;
}

/** A client and the stream that it asks for. */
export interface AccessQuestion {
  readonly url: string;
  readonly action: "play" | "publish";
  /** The client's IP address. */
  readonly from?: string;
}

/** Prints a URL with a signature. */
interface SignCommand extends AccessQuestion {
  readonly type: "sign";
  readonly configFile?: string;
  /** How long the signature is valid: 1 s to 10 years. */
  readonly seconds: number;
}

/** Says who would be let in. */
interface CheckAccessCommand extends AccessQuestion {
  readonly type: "check-access";
  readonly configFile?: string;
}

/** What the user asked for. */
export type Command =
  | ServeCommand
  | DemoCommand
  | HealthCommand
  | MigrateCommand
  | SignCommand
  | CheckAccessCommand
  | { readonly type: "help" }
  | { readonly type: "version" };

const SERVE_OPTIONS = ["config", "listen", "origin", "log-level", "log-format"];
const DEMO_OPTIONS = ["seconds", "scene", "record"];
const DEMO_SWITCHES = ["open"];
const SIGN_OPTIONS = ["action", "from", "expires"];
const ACCESS_OPTIONS = ["check-access", ...SIGN_OPTIONS];
const VALUE_OPTIONS = [...SERVE_OPTIONS, ...DEMO_OPTIONS, ...ACCESS_OPTIONS];
const SWITCHES = ["test", "replace", "version", "help", ...DEMO_SWITCHES];
const LONG_NAMES = [...VALUE_OPTIONS, ...SWITCHES];

const LOG_LEVELS: ReadonlyMap<string, LogLevel> = new Map(Object.entries(LOG_LEVEL_NAMES));
const LOG_FORMAT_NAMES: ReadonlyMap<string, LogFormat> = new Map([
  ["text", "text"],
  ["json", "json"],
]);

const DEMO_SCENES: ReadonlyMap<string, DemoScene> = new Map(
  (["relay", "failover", "restart"] as const).map((scene) => [scene, scene]),
);

const ACTIONS: ReadonlyMap<string, "play" | "publish"> = new Map([
  ["play", "play"],
  ["publish", "publish"],
]);

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };
const MAX_EXPIRES_SECONDS = 3_650 * 86_400;

const MAX_DEMO_SECONDS = 86_400;
const SEE_HELP = "`edge --help` lists all options";

/** Examples of valid values, by option. */
const VALUE_EXAMPLES: Readonly<Record<string, string>> = {
  "config": "`--config edge.conf`",
  "listen": "`--listen 1935` or `--listen 127.0.0.1:1935`",
  "origin": "`--origin 192.0.2.10` or `--origin 192.0.2.10:1935`",
  "log-level": "`--log-level debug`, `info`, `warning` or `error`",
  "log-format": "`--log-format text` or `json`",
  "seconds": "`--seconds 10`",
  "scene": "`--scene failover`, `relay` or `restart`",
  "record": "`--record demo.cast`",
  "check-access": "`--check-access rtmp://edge.example/live/show`",
  "action": "`--action play` or `--action publish`",
  "from": "`--from 203.0.113.9`",
  "expires": "`--expires 90s`, `30m`, `12h` or `7d`",
};

/** What to use instead of options of SRS that this program does not have. */
const SRS_OPTION_FIXES: ReadonlyMap<string, string> = new Map([
  ["-g", "it prints SRS's signature; use `edge --version`"],
  ["-G", "it prints SRS's signature; use `edge --version`"],
  ["-e", "leave out --config, or set SRS_ENV_ONLY=on; environment variables are always read"],
  ["-V", "use `edge --version`"],
  ["-?", "use `edge --help`"],
]);

/**
 * Parses the command line, without the name of the program. Ignores no word.
 *
 * @throws {UsageError} with a fix, for unknown options, missing, repeated or malformed values, and
 *   unexpected words.
 */
export function parseCommandLine(args: readonly string[]): Command {
  const parsed = parseArgs(args.map(normalizeArg), {
    string: [...VALUE_OPTIONS, "_"],
    collect: VALUE_OPTIONS,
    boolean: SWITCHES,
    alias: { config: "c", test: "t", version: "v", help: "h" },
    unknown: refuseUnknownOption,
  });
  for (const name of VALUE_OPTIONS) refuseMissingValue(parsed, name);
  if (parsed["help"] === true) return { type: "help" };
  if (parsed["version"] === true) return { type: "version" };
  if (parsed._[0] === "demo") return demoCommand(parsed);
  if (parsed._[0] === "health") return healthCommand(parsed);
  if (parsed._[0] === "migrate") return migrateCommand(parsed);
  if (parsed._[0] === "sign") return signCommand(parsed);
  if (valuesOf(parsed, "check-access").length > 0) return checkAccessCommand(parsed);
  return serveCommand(parsed);
}

/**
 * Splits `-cFILE`, which SRS allows. Refuses a long option with a single dash, which would be read
 * as single letters.
 */
function normalizeArg(arg: string): string {
  if (arg.startsWith("-") && LONG_NAMES.includes(arg.slice(1).split("=")[0]!)) {
    throw new UsageError(`Unknown option ${quotePeerText(arg)}`, `did you mean "-${arg}"?`);
  }
  return arg.replace(/^-c=?(?=.)/s, "--config=");
}

function refuseUnknownOption(arg: string, key?: string): boolean {
  if (key === undefined) return true;
  const option = arg.startsWith("--") ? `--${key}` : `-${key}`;
  throw new UsageError(`Unknown option ${quotePeerText(option)}`, fixUnknownOption(option, key));
}

function fixUnknownOption(option: string, key: string): string {
  const srsFix = SRS_OPTION_FIXES.get(option);
  if (srsFix !== undefined) return srsFix;
  const nearest = nearestName(key, LONG_NAMES);
  return nearest === undefined ? SEE_HELP : `did you mean "--${nearest}"? ${SEE_HELP}`;
}

function refuseMissingValue(parsed: ParsedArgs, name: string): void {
  if (valuesOf(parsed, name).includes("")) {
    throw new UsageError(`Option "--${name}" has no value`, `write ${VALUE_EXAMPLES[name]}`);
  }
}

function serveCommand(parsed: ParsedArgs): ServeCommand {
  refuseStrayWord(parsed._[0]);
  refuseOptionsOf(parsed, [...DEMO_OPTIONS, ...DEMO_SWITCHES], 'only "edge demo" takes it');
  refuseOptionsOf(parsed, ACCESS_OPTIONS, 'only "edge sign" and "--check-access" take it');
  const configFile = onlyValueOf(parsed, "config");
  const test = parsed["test"] === true;
  const replace = parsed["replace"] === true;
  if (test && replace) {
    throw new UsageError('Options "--test" and "--replace" exclude each other', "leave one out");
  }
  const command = { type: "serve", test, replace, overrides: serveOverrides(parsed) } as const;
  return configFile === undefined ? command : { ...command, configFile };
}

function serveOverrides(parsed: ParsedArgs): ServeOverrides {
  const listen = valuesOf(parsed, "listen");
  const origins = valuesOf(parsed, "origin").flatMap(splitOrigins);
  const logLevel = chosenValueOf(parsed, "log-level", LOG_LEVELS);
  const logFormat = chosenValueOf(parsed, "log-format", LOG_FORMAT_NAMES);
  return {
    ...(listen.length > 0 && { listen }),
    ...(origins.length > 0 && { origins }),
    ...(logLevel !== undefined && { logLevel }),
    ...(logFormat !== undefined && { logFormat }),
  };
}

function splitOrigins(list: string): string[] {
  const origins = list.split(",").map((origin) => origin.trim());
  if (origins.includes("")) {
    throw new UsageError(
      `Option "--origin" has an empty origin in ${quotePeerText(list)}`,
      "separate origins with one comma: `--origin 192.0.2.10:1935,192.0.2.11:1935`",
    );
  }
  return origins;
}

function demoCommand(parsed: ParsedArgs): DemoCommand {
  refuseStrayWord(parsed._[1]);
  const allowed = [...DEMO_OPTIONS, ...DEMO_SWITCHES];
  refuseOptionsExcept(parsed, allowed, '"edge demo" has its own configuration');
  const scene = chosenValueOf(parsed, "scene", DEMO_SCENES);
  const record = onlyValueOf(parsed, "record");
  const command = {
    type: "demo",
    ...(scene !== undefined && { scene }),
    ...(record !== undefined && { record }),
    ...(parsed["open"] === true && { open: true }),
  } as const;
  const text = onlyValueOf(parsed, "seconds");
  if (text === undefined) return command;
  const seconds = Number(text);
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > MAX_DEMO_SECONDS) {
    throw new UsageError(
      `Option "--seconds" cannot be ${quotePeerText(text)}`,
      `write a whole number from 1 to ${MAX_DEMO_SECONDS}`,
    );
  }
  return { ...command, seconds };
}

function healthCommand(parsed: ParsedArgs): HealthCommand {
  const [, url, stray] = parsed._;
  refuseStrayWord(stray);
  refuseOptionsExcept(parsed, [], '"edge health" only asks a server that runs');
  if (url === undefined) return { type: "health" };
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(
      `"edge health" cannot ask ${quotePeerText(url)}`,
      "write a URL: `edge health http://127.0.0.1:1985/healthz`",
    );
  }
  return { type: "health", url };
}

function migrateCommand(parsed: ParsedArgs): MigrateCommand {
  const [, file, stray] = parsed._;
  refuseStrayWord(stray);
  refuseOptionsExcept(parsed, [], '"edge migrate" only reads a file');
  if (file === undefined) {
    throw new UsageError('"edge migrate" has no file', "write `edge migrate srs.conf > edge.toml`");
  }
  return { type: "migrate", file };
}

function signCommand(parsed: ParsedArgs): SignCommand {
  const [, url, stray] = parsed._;
  refuseStrayWord(stray);
  refuseOptionsExcept(parsed, ["config", ...SIGN_OPTIONS], '"edge sign" only prints a URL');
  if (url === undefined) {
    throw new UsageError(
      '"edge sign" has no URL',
      "write one: `edge sign rtmp://edge.example/live/show --config edge.conf`",
    );
  }
  const seconds = readExpires(onlyValueOf(parsed, "expires") ?? "1h");
  return { type: "sign", seconds, ...accessQuestion(parsed, url) };
}

function checkAccessCommand(parsed: ParsedArgs): CheckAccessCommand {
  refuseStrayWord(parsed._[0]);
  refuseOptionsExcept(
    parsed,
    ["config", "check-access", "action", "from"],
    '"--check-access" only looks into the configuration',
  );
  return { type: "check-access", ...accessQuestion(parsed, onlyValueOf(parsed, "check-access")!) };
}

function accessQuestion(parsed: ParsedArgs, url: string) {
  const configFile = onlyValueOf(parsed, "config");
  const from = onlyValueOf(parsed, "from");
  if (from !== undefined && !isIp(from)) {
    throw new UsageError(
      `Option "--from" cannot be ${quotePeerText(from)}`,
      `write an IP address: ${VALUE_EXAMPLES["from"]}`,
    );
  }
  return {
    url,
    action: chosenValueOf(parsed, "action", ACTIONS) ?? "play",
    ...(from !== undefined && { from }),
    ...(configFile !== undefined && { configFile }),
  } as const;
}

function readExpires(text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const seconds = Number(number) * (UNIT_SECONDS[unit] ?? 0);
  if (seconds >= 1 && seconds <= MAX_EXPIRES_SECONDS) return seconds;
  throw new UsageError(
    `Option "--expires" cannot be ${quotePeerText(text)}`,
    `write a time from 1s to 3650d: ${VALUE_EXAMPLES["expires"]}`,
  );
}

function refuseStrayWord(word: string | undefined): void {
  if (word === undefined) return;
  throw new UsageError(`Unexpected word ${quotePeerText(word)}`, fixStrayWord(word));
}

function fixStrayWord(word: string): string {
  if (word === "help" || word === "version") return `use \`edge --${word}\``;
  const command = nearestName(word, ["demo", "health", "migrate", "sign"]);
  if (command !== undefined) return `did you mean \`edge ${command}\`?`;
  if (/\.(conf|toml)$/.test(word)) return `to load a file: \`edge --config ${word}\``;
  return "commands: `edge demo`, `health`, `migrate`, `sign`; for a file: `edge --config FILE`";
}

function refuseOptionsExcept(parsed: ParsedArgs, names: readonly string[], why: string): void {
  refuseOptionsOf(parsed, LONG_NAMES.filter((name) => !names.includes(name)), why);
}

function refuseOptionsOf(parsed: ParsedArgs, names: readonly string[], why: string): void {
  const given = names.find((name) => parsed[name] === true || valuesOf(parsed, name).length > 0);
  if (given === undefined) return;
  throw new UsageError(`Option "--${given}" cannot be used here`, `leave it out: ${why}`);
}

/** Returns the values of an option, in order. */
function valuesOf(parsed: ParsedArgs, name: string): readonly string[] {
  const values = parsed[name];
  return Array.isArray(values) ? values : [];
}

function onlyValueOf(parsed: ParsedArgs, name: string): string | undefined {
  const values = valuesOf(parsed, name);
  if (values.length > 1) {
    throw new UsageError(
      `Option "--${name}" is given ${values.length} times`,
      "give it once",
    );
  }
  return values[0];
}

function chosenValueOf<T>(
  parsed: ParsedArgs,
  name: string,
  choices: ReadonlyMap<string, T>,
): T | undefined {
  const text = onlyValueOf(parsed, name);
  if (text === undefined) return undefined;
  const choice = choices.get(text);
  if (choice === undefined) {
    const nearest = nearestName(text, choices.keys());
    throw new UsageError(
      `Option "--${name}" cannot be ${quotePeerText(text)}`,
      nearest === undefined ? `write ${VALUE_EXAMPLES[name]}` : `did you mean "${nearest}"?`,
    );
  }
  return choice;
}
