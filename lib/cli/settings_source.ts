import { describeError, UsageError } from "../base/errors.ts";
import type { Environment } from "../config/environment.ts";
import { isStandardInput, loadConfig } from "../config/load.ts";
import { applyOverrides } from "../config/overrides.ts";
import { type LoadedConfig, parseDefaults } from "../config/parse_config.ts";
import type { ServeCommand } from "./args.ts";
import { configFileOf } from "./environment.ts";

/**
 * Where the settings come from: a file, environment variables, the command line. Each replaces
 * those before it. The environment is that of the start.
 */
export class SettingsSource {
  /** Undefined for none. */
  readonly file: string | undefined;
  readonly #environment: Environment;
  readonly #command: ServeCommand;
  /** What paths of configuration files are relative to. */
  #folder = ".";
  #hasRead = false;
  /** The files that were read, or looked for, by the last {@linkcode load}; with their states. */
  readonly #states = new Map<string, string>();

  constructor(command: ServeCommand, environment: Environment) {
    this.file = configFileOf(environment, command.configFile);
    this.#environment = environment;
    this.#command = command;
  }

  /** Whether there is neither a file nor a variable. */
  get isEmpty(): boolean {
    return this.file === undefined && this.#environment.size === 0;
  }

  /** Names of the environment variables. */
  get variables(): string[] {
    return [...this.#environment.keys()];
  }

  /** Changes the working directory. Configuration files stay relative to the present one. */
  changeFolder(folder: string): void {
    this.#folder = Deno.cwd();
    Deno.chdir(folder);
  }

  /** Loads the settings, at the start and for each reload. @throws {ConfigError} {UsageError} */
  load(): LoadedConfig {
    const { overrides } = this.#command;
    const loaded = this.#read();
    return { ...loaded, config: applyOverrides(loaded.config, overrides) };
  }

  /** Returns the first file that differs from what was loaded last, and its state; or null. */
  async findChange(): Promise<{ readonly path: string; readonly state: string } | null> {
    for (const [path, loaded] of [...this.#states]) {
      const state = await Deno.stat(path).then(describeState, describeNoFile);
      if (state !== loaded) return { path, state };
    }
    return null;
  }

  #read(): LoadedConfig {
    const { file } = this;
    if (file === undefined) return parseDefaults(this.#environment);
    if (isStandardInput(file) && this.#hasRead) {
      throw new UsageError(
        "The configuration was read from the standard input, which has ended",
        "write it to a file, and start the server with --config FILE",
      );
    }
    this.#hasRead = true;
    this.#states.clear();
    return loadConfig(file, {
      environment: this.#environment,
      folder: this.#folder,
      // Before it is read, so that a later change is noticed.
      onRead: (path) => this.#states.set(path, stateOf(path)),
    });
  }
}

function stateOf(path: string): string {
  try {
    return describeState(Deno.statSync(path));
  } catch (error) {
    return describeNoFile(error);
  }
}

/** Differs for other contents, and for another file behind a symbolic link. */
function describeState({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
}

function describeNoFile(error: unknown): string {
  return describeError(error);
}
