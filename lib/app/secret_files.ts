import { resolve } from "node:path";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { ConfigError, describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { AccessConfig, Config, VhostConfig } from "../config/config.ts";
import { parseSignSecrets } from "../config/secret_values.ts";
import type { ActionSecrets, SecretStore, VhostSecrets } from "../server/secrets.ts";
import { StreamKeys } from "../server/stream_keys.ts";
import { TokenKeys } from "../server/token_keys.ts";

/** How often the files are checked for changes, in ms. */
const CHECK_PERIOD_MS = 1_000;

/** The secrets of all vhosts, by name. */
type Secrets = ReadonlyMap<string, VhostSecrets>;

/**
 * Reads the files of secrets that a configuration names.
 *
 * @param folder What relative paths are relative to.
 * @throws {ConfigError} when a file cannot be read, with all errors of the first bad one.
 */
export function readSecrets({ vhosts }: Config, folder = "."): Secrets {
  return new Map(Array.from(vhosts, ([name, vhost]) => [name, readVhost(vhost, folder)]));
}

function readVhost({ play, publish }: VhostConfig, folder: string): VhostSecrets {
  const { keysFile } = publish;
  const keys = keysFile === "" ? null : StreamKeys.parse(readText(keysFile, folder), keysFile);
  return { keys, play: readAction(play, folder), publish: readAction(publish, folder) };
}

function readAction(
  { access }: { readonly access: AccessConfig },
  folder: string,
): ActionSecrets {
  const { signSecrets, signSecretFile, jwtKeysFile, jwtIssuer, jwtAudience } = access;
  const wanted = { issuer: jwtIssuer, audience: jwtAudience };
  const fromFile = signSecretFile === ""
    ? []
    : parseSignSecrets(readText(signSecretFile, folder), signSecretFile);
  return {
    signing: [...fromFile, ...signSecrets],
    tokens: jwtKeysFile === ""
      ? null
      : TokenKeys.parse(readText(jwtKeysFile, folder), jwtKeysFile, wanted),
  };
}

/** Returns the paths of the files that a configuration names. */
function filesOf({ vhosts }: Config): string[] {
  const paths = [...vhosts.values()].flatMap(({ play, publish }) => [
    publish.keysFile,
    ...[play, publish].flatMap(({ access }) => [access.signSecretFile, access.jwtKeysFile]),
  ]);
  return [...new Set(paths)].filter((path) => path !== "");
}

/** @throws {ConfigError} */
function readText(path: string, folder: string): string {
  try {
    return Deno.readTextFileSync(resolve(folder, path));
  } catch (error) {
    const what = `Cannot read the file of secrets: ${describeError(error)}`;
    const fix = "name a file that this user may read";
    throw new ConfigError([{ severity: "error", file: path, line: 0, column: 0, what, fix }]);
  }
}

/** What a {@linkcode SecretFiles} works with. */
interface SecretFilesDeps {
  readonly store: SecretStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the secrets of a running server up to date: files that change are read again, once two
 * checks have found the same, because half of a file lacks keys of publishers. What is wrong with a
 * new version is logged, and the secrets before stay in force.
 */
export class SecretFiles {
  readonly #store: SecretStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #config: Config | null = null;
  /** What the files looked like when they were read. */
  #versions = "";
  /** What the last check found. */
  #found = "";
  #cancelCheck: CancelTimer | null = null;

  constructor({ store, clock, logger }: SecretFilesDeps) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger.for("access");
  }

  /** Puts the secrets of `config` in force, and follows its files. */
  use(config: Config, secrets: Secrets): void {
    this.stop();
    this.#config = config;
    this.#store.replace(secrets);
    const files = filesOf(config);
    if (files.length === 0) return;
    this.#versions = versionsOf(files);
    this.#found = this.#versions;
    this.#watch(files);
  }

  /** Ends the checks. */
  stop(): void {
    this.#cancelCheck?.();
    this.#cancelCheck = null;
  }

  #watch(files: readonly string[]): void {
    this.#cancelCheck = this.#clock.after(CHECK_PERIOD_MS, () => {
      const versions = versionsOf(files);
      const isAtRest = versions === this.#found;
      this.#found = versions;
      if (isAtRest && versions !== this.#versions) this.#readAgain(versions);
      this.#watch(files);
    });
  }

  #readAgain(versions: string): void {
    this.#versions = versions;
    try {
      this.#store.replace(readSecrets(this.#config!));
      this.#logger.info("Files of secrets were read again");
    } catch (error) {
      const fix = "correct the file; the secrets before stay in force";
      this.#logger.error(`Secrets not changed: ${describeError(error)}`, { fix });
    }
  }
}

/** Returns a text that changes with the files. They are few and local, so they are not awaited. */
function versionsOf(files: readonly string[]): string {
  return files.map(versionOf).join("\n");
}

function versionOf(path: string): string {
  try {
    const { mtime, size, ino } = Deno.statSync(path);
    return `${mtime?.getTime()} ${size} ${ino}`;
  } catch {
    return "missing";
  }
}
