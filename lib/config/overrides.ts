import { type Config, DEFAULT_VHOST, type VhostConfig } from "./config.ts";
import { defaultConfig } from "./parse_config.ts";
import { ProblemList } from "./problem_list.ts";
import { listenAddresses, originAddresses } from "./address_values.ts";
import type { ValueType } from "./value_type.ts";
import { logFormat, logLevel } from "./values.ts";

/** Settings of the command line. Each replaces that of the file. */
interface Overrides {
  /** `port`, `ip:port` or `[ipv6]:port`. Unlike in a file, port 0 is allowed: any free port. */
  readonly listen?: readonly string[] | undefined;
  /** `host`, `host:port`, `[ipv6]:port`. Makes the default vhost an edge of these origins. */
  readonly origins?: readonly string[] | undefined;
  /** `trace`, `debug`, `info`, `warn`, `warning` or `error`, as for `srs_log_level_v2`. */
  readonly logLevel?: string | undefined;
  /** `text` or `json`. */
  readonly logFormat?: string | undefined;
}

/**
 * Returns `config` with the settings in `overrides` replaced.
 *
 * @throws {ConfigError} with every bad value; its `file` is the flag, e.g. `--listen`
 */
export function applyOverrides(config: Config, overrides: Overrides): Config {
  const problems = new ProblemList("");
  const read = <T>(flag: string, type: ValueType<T>, values: readonly string[] | undefined) =>
    values === undefined ? undefined : readFlag({ flag, type, values }, problems);
  const single = (value: string | undefined) => value === undefined ? undefined : [value];

  const listen = read("--listen", listenAddresses({ minPort: 0 }), overrides.listen);
  const origins = read("--origin", originAddresses, overrides.origins);
  const level = read("--log-level", logLevel, single(overrides.logLevel));
  const format = read("--log-format", logFormat, single(overrides.logFormat));
  problems.warningsOrThrow();

  const { log } = config;
  return {
    ...config,
    listen: listen ?? config.listen,
    log: { ...log, level: level ?? log.level, format: format ?? log.format },
    vhosts: origins === undefined ? config.vhosts : withOrigins(config.vhosts, origins),
  };
}

interface Flag<T> {
  readonly flag: string;
  readonly type: ValueType<T>;
  readonly values: readonly string[];
}

function readFlag<T>({ flag, type, values }: Flag<T>, problems: ProblemList): T | undefined {
  const position = { file: flag, line: 0, column: 0 };
  const args = values.map((text) => ({ ...position, text }));
  if (args.length === 0) return problems.error(position, "Value is missing", `write ${flag} VALUE`);
  return type.parse({ ...position, name: flag, args, children: undefined }, problems);
}

function withOrigins(
  vhosts: Config["vhosts"],
  origins: VhostConfig["cluster"]["origins"],
): Config["vhosts"] {
  const vhost = vhosts.get(DEFAULT_VHOST) ?? defaultConfig().vhosts.get(DEFAULT_VHOST)!;
  const cluster = { ...vhost.cluster, origins };
  return new Map(vhosts).set(DEFAULT_VHOST, { ...vhost, mode: "remote", cluster });
}
