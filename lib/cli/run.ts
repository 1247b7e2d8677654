import { systemClock } from "../base/clock.ts";
import { BUILD } from "../base/version.ts";
import { ConfigError, describeError, UsageError } from "../base/errors.ts";
import { denoNetwork } from "../io/tcp.ts";
import { silentLogger } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { parseDefaults } from "../config/parse_config.ts";
import { reportAccess, signedUrl } from "./access.ts";
import { type AccessQuestion, type Command, parseCommandLine } from "./args.ts";
import { configFileOf, readEnvironment } from "./environment.ts";
import { EXIT_CODE, type ExitCode, exitCodeOf } from "./exit_codes.ts";
import { askHealth, HEALTH_URL } from "./health.ts";
import { HELP_TEXT, VERSION_TEXT } from "./help.ts";
import { LineWriter } from "../logging/line_writer.ts";
import { writeAllSync } from "../logging/log_file.ts";
import { PidFileError } from "./pid_file.ts";
import { serve } from "./serve.ts";
import { StartError } from "../app/start_error.ts";
import { Signals } from "./signals.ts";
import { encodeUtf8 } from "../base/bytes.ts";

/** Runs the program and returns its exit code. Prints every error with its fix. Never rejects. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  try {
    return await runCommand(parseCommandLine(args));
  } catch (error) {
    await printAtEnd(describeFailure(error));
    return exitCodeOf(error);
  }
}

async function runCommand(command: Command): Promise<ExitCode> {
  switch (command.type) {
    case "help":
      print(`${HELP_TEXT}\n`);
      return EXIT_CODE.ok;
    case "version":
      print(`${describeVersion()}\n`);
      return EXIT_CODE.ok;
    case "serve":
      return await serve(command, printError);
    case "demo":
      return await demo(command);
    case "health":
      return await health(command.url ?? HEALTH_URL);
    case "migrate":
      return await migrateFile(command.file);
    case "sign":
      print(`${signedUrl(command, loadSettings(command.configFile), Date.now())}\n`);
      return EXIT_CODE.ok;
    case "check-access":
      return await checkAccess(command, loadSettings(command.configFile));
    default:
      return command satisfies never;
  }
}

/** The settings that a server would have. */
function loadSettings(configFile: string | undefined): Config {
  const environment = readEnvironment();
  const file = configFileOf(environment, configFile);
  return (file === undefined ? parseDefaults(environment) : loadConfig(file, { environment }))
    .config;
}

async function checkAccess(question: AccessQuestion, config: Config): Promise<ExitCode> {
  const { isAdmitted, lines } = await reportAccess(question, config, Date.now());
  print(`${lines.join("\n")}\n`);
  return isAdmitted ? EXIT_CODE.ok : EXIT_CODE.failure;
}

function describeVersion(): string {
  const { deno, v8 } = Deno.version;
  return `${VERSION_TEXT} (${BUILD}, Deno ${deno}, V8 ${v8}, ${Deno.build.target})`;
}

async function health(url: string): Promise<ExitCode> {
  const problem = await askHealth(url);
  if (problem === null) return EXIT_CODE.ok;
  printError(`edge: not healthy: ${problem}`);
  return EXIT_CODE.failure;
}

/** The configuration goes to the standard output, the report to the terminal. */
async function migrateFile(path: string): Promise<ExitCode> {
  // A server does without it.
  const { describeMigration, migrate } = await import("./migrate.ts");
  const migration = migrate(path);
  print(migration.toml);
  for (const line of describeMigration(path, migration)) printError(line);
  return EXIT_CODE.ok;
}

async function demo(
  { seconds, scene, record, open }: Command & { type: "demo" },
): Promise<ExitCode> {
  // A server does without the demo and its sample.
  const { LocalDemoNetwork } = await import("../demo/demo_network.ts");
  const { runDemo } = await import("../demo/run_demo.ts");
  const stop = new AbortController();
  const abort = () => stop.abort();
  const exitNow = () => Deno.exit(EXIT_CODE.failure);
  using signals = Signals.listen();
  // A terminal that closes sends SIGHUP.
  signals.handle(
    { stop: abort, drain: abort, reload: abort, reopenLogs() {}, exitNow },
    silentLogger,
  );
  using recording = record === undefined ? null : await openRecording(record);
  const write = (text: string) => {
    print(text);
    recording?.show(text);
  };
  const isComplete = await runDemo({
    network: new LocalDemoNetwork(denoNetwork, systemClock),
    clock: systemClock,
    ...(seconds === undefined ? {} : { seconds }),
    ...(scene === undefined ? {} : { scene }),
    ...(open && { open: openInBrowser }),
    write,
    // A recording is of a terminal.
    isTerminal: recording !== null || Deno.stdout.isTerminal(),
    signal: stop.signal,
  });
  return isComplete ? EXIT_CODE.ok : EXIT_CODE.failure;
}

/** Begins an asciinema recording. Disposed, its file is closed. */
async function openRecording(path: string): Promise<Disposable & { show(text: string): void }> {
  const { CastWriter } = await import("../demo/cast.ts");
  const file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const cast = new CastWriter(Date.now, (line) => writeAllSync(file, encodeUtf8(line)));
  return { show: (text) => cast.show(text), [Symbol.dispose]: () => file.close() };
}

/** Shows a page in the user's browser, if this process may start programs. */
function openInBrowser(url: string): void {
  const program = Deno.build.os === "darwin" ? "open" : "xdg-open";
  try {
    new Deno.Command(program, { args: [url], stdin: "null", stdout: "null", stderr: "null" })
      .spawn().unref();
  } catch (error) {
    printError(`Page not opened: ${describeError(error)}; open ${url} yourself`);
  }
}

function describeFailure(error: unknown): string[] {
  if (error instanceof ConfigError) return error.message.split("\n");
  const hasFix = error instanceof UsageError || error instanceof StartError ||
    error instanceof PidFileError;
  return hasFix
    ? [`edge: ${error.message}`, `fix: ${error.fix}`]
    : [`edge: ${describeError(error)}`];
}

function print(text: string): void {
  writeAllSync(Deno.stdout, encodeUtf8(text));
}

/** Prints lines at the terminal, and waits for that some seconds at most: its reader may hang. */
async function printAtEnd(lines: readonly string[]): Promise<void> {
  const writer = new LineWriter(Deno.stderr, {
    onFailure() {},
    describeDropped: (count) => `${count} lines dropped`,
  });
  for (const line of lines) writer.append(line);
  await writer.flush();
}

function printError(line: string): void {
  writeAllSync(Deno.stderr, encodeUtf8(`${line}\n`));
}
