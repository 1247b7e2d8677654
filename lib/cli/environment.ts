import { type Environment, VARIABLE_NAMES } from "../config/environment.ts";

/** Names a configuration file, in place of `--config`, as in SRS. */
const FILE_VARIABLE = "SRS_CONFIG_FILE";

/** Where the service manager listens, as sd_notify(3) describes. */
const NOTIFY_VARIABLE = "NOTIFY_SOCKET";

/** When it is set and not `off`, no configuration file is read, as in SRS. */
const ONLY_VARIABLE = "SRS_ENV_ONLY";

/** Reads the environment variables of the program. Those it may not read count as not set. */
export function readEnvironment(): Environment {
  const names = [FILE_VARIABLE, ONLY_VARIABLE, ...VARIABLE_NAMES];
  const values = names.flatMap((name): [string, string][] => {
    const text = isReadable(name) ? Deno.env.get(name) ?? "" : "";
    return text === "" ? [] : [[name, text]];
  });
  return new Map(values);
}

/** Returns the address of the service manager; empty when there is none. */
export function readNotifySocket(): string {
  return isReadable(NOTIFY_VARIABLE) ? Deno.env.get(NOTIFY_VARIABLE) ?? "" : "";
}

/** Returns the file to load, or undefined for none. */
export function configFileOf(
  environment: Environment,
  option: string | undefined,
): string | undefined {
  const only = environment.get(ONLY_VARIABLE) ?? "off";
  return only === "off" ? environment.get(FILE_VARIABLE) ?? option : undefined;
}

function isReadable(variable: string): boolean {
  return Deno.permissions.querySync({ name: "env", variable }).state === "granted";
}
