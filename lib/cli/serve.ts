import { systemClock } from "../base/clock.ts";
import { describeConfigProblem, describeError } from "../base/errors.ts";
import { VERSION } from "../base/version.ts";
import type { Config, ListenAddress, LogConfig } from "../config/config.ts";
import { loadConfig } from "../config/load.ts";
import { applyOverrides } from "../config/overrides.ts";
import { defaultConfig, type LoadedConfig } from "../config/parse_config.ts";
import { HttpListenError } from "../http/http_server.ts";
import { formatAddress } from "../io/address.ts";
import { denoNetwork } from "../io/tcp.ts";
import { FairClock } from "../io/fair_clock.ts";
import type { ServeCommand } from "./args.ts";
import { startServer } from "../app/compose.ts";
import { EXIT_CODE, type ExitCode } from "./exit_codes.ts";
import { loadHttp } from "../app/load_http.ts";
import { LogThrottle } from "../logging/log_throttle.ts";
import { createLogging, type Logging } from "../logging/logging.ts";
import { acquirePidFile } from "./pid_file.ts";
import { onStopSignal } from "./signals.ts";
import { StartError } from "../app/start_error.ts";
import type { Service } from "../app/service.ts";
import { countWorkers, startThreads } from "../app/threaded_server.ts";

/**
 * Runs `edge --config FILE`: loads the configuration, starts the server, and serves until SIGINT or
 * SIGTERM.
 *
 * @param say Prints a line at the terminal.
 * @throws {ConfigError} {@linkcode StartError} {@linkcode PidFileError}
 */
export async function serve(command: ServeCommand, say: (line: string) => void): Promise<ExitCode> {
  const { config, warnings } = load(command);
  if (command.test) {
    for (const warning of warnings) say(describeConfigProblem(warning));
    say(`Configuration file ${command.configFile} is valid`);
    return EXIT_CODE.ok;
  }
  if (config.workDir !== "") Deno.chdir(config.workDir);
  const pidFile = config.pid === "" ? null : await acquirePidFile(config.pid);
  const logging = createLogging(config.log);
  for (const warning of warnings) logging.logger.warning(describeConfigProblem(warning));
  try {
    await runServer(config, command, logging);
  } finally {
    await logging.close();
    pidFile?.release();
  }
  return EXIT_CODE.ok;
}

function load(command: ServeCommand): LoadedConfig {
  const loaded = command.configFile === undefined
    ? { config: defaultConfig(), warnings: [] }
    : loadConfig(command.configFile);
  return { ...loaded, config: applyOverrides(loaded.config, command.overrides) };
}

async function runServer(config: Config, command: ServeCommand, logging: Logging): Promise<void> {
  const throttle = new LogThrottle(logging.logger, systemClock);
  const { logger } = throttle;
  const configureLog = (log: LogConfig) => logging.configure(log);
  const count = countWorkers(config, logger);
  // Each worker has its own clock.
  using clock = count > 1 ? null : await FairClock.open(denoNetwork, systemClock);
  const server = await tryStart(
    config,
    async () =>
      clock === null
        ? await startThreads(config, count, { logger, configureLog })
        : startServer(config, {
          network: denoNetwork,
          clock,
          logger,
          configureLog,
          createHttp: await loadHttp(config),
        }),
  );
  announce(server, config, command, logging);
  await new Promise<void>((resolve) => {
    const dispose = onStopSignal(
      () => {
        void server.stop().then(() => {
          dispose();
          resolve();
        });
      },
      logging.logger,
      () => logging.close(),
    );
  });
  throttle.stop();
  logging.notice("Stopped");
}

/** @throws {StartError} with a fix, when `start` cannot listen. */
async function tryStart(config: Config, start: () => Promise<Service>): Promise<Service> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (error instanceof HttpListenError) throw cannotListenOnHttp(error);
    const addresses = config.listen.map(formatAddress).join(", ");
    throw new StartError(
      `Cannot listen on ${addresses}: ${describeError(error)}`,
      fixFor(error, config.listen),
      { cause: error },
    );
  }
}

function cannotListenOnHttp(error: HttpListenError): StartError {
  const fix = error.cause instanceof Deno.errors.AddrInUse
    ? "stop the program that uses the port, or write another port after listen in that block"
    : "write an address of this machine and a port you may use after listen in that block";
  return new StartError(`${error.message} (http_api or http_server)`, fix, { cause: error });
}

function fixFor(error: unknown, addresses: readonly ListenAddress[]): string {
  if (error instanceof Deno.errors.AddrInUse) {
    return "stop the program that uses the port, or choose another one with --listen";
  }
  if (error instanceof Deno.errors.PermissionDenied && addresses.some(({ port }) => port < 1024)) {
    return "ports below 1024 need root; choose a higher one with --listen";
  }
  return "choose an address of this machine with --listen";
}

function announce(
  server: Service,
  config: Config,
  command: ServeCommand,
  logging: Logging,
): void {
  const source = command.configFile ?? "none: an origin with default settings";
  logging.notice(`edge ${VERSION} started`, { config: source, pid: Deno.pid });
  for (const vhost of config.vhosts.values()) {
    if (vhost.mode === "local") {
      logging.notice(`Vhost ${vhost.name} is an origin`);
    } else {
      const origins = vhost.cluster.origins.map(formatAddress).join(" ");
      logging.notice(`Vhost ${vhost.name} is an edge`, { origins });
    }
  }
  if (config.log.tank === "file") logging.notice("Logging to a file", { file: config.log.file });
  for (const address of server.addresses) {
    logging.notice(`Listening on rtmp://${formatAddress(address)}`);
  }
  for (const address of server.httpAddresses) {
    logging.notice(`Listening on http://${formatAddress(address)}`);
  }
}
