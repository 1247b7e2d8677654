import { UsageError } from "../base/errors.ts";
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
    return loadConfig(file, { environment: this.#environment, folder: this.#folder });
  }
}
