import { systemClock } from "../base/clock.ts";
import {
  ConfigError,
  type ConfigProblem,
  describeConfigProblem,
  UsageError,
} from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { VERSION } from "../base/version.ts";
import type { Config } from "../config/config.ts";
import { formatAddress, formatOrigin } from "../io/address.ts";
import { createDenoNetwork, denoNetwork } from "../io/tcp.ts";
import { AwakeClock } from "../io/awake_clock.ts";
import { FairClock } from "../io/fair_clock.ts";
import type { ServeCommand } from "./args.ts";
import { checkCertificates } from "../app/certificate_check.ts";
import { startServer } from "../app/compose.ts";
import { fitDescriptors } from "../app/descriptors.ts";
import { EXIT_CODE, type ExitCode } from "./exit_codes.ts";
import { loadHttp } from "../app/load_http.ts";
import { ownHeap } from "../app/memory_trim.ts";
import { LogThrottle } from "../logging/log_throttle.ts";
import { createLogging, type Logging } from "../logging/logging.ts";
import { ConfigWatch } from "./config_watch.ts";
import { blockDebugger } from "./debugger_port.ts";
import { readEnvironment, readNotifySocket } from "./environment.ts";
import { Handover } from "./handover.ts";
import { Inheritance } from "./inheritance.ts";
import { explainListenError } from "./listen_error.ts";
import { acquirePidFile, type PidFile, replacePidFile } from "./pid_file.ts";
import { Reloader } from "./reloader.ts";
import { dropPermissions } from "./sandbox.ts";
import { ServiceManager } from "./service_manager.ts";
import { SettingsSource } from "./settings_source.ts";
import { Signals } from "./signals.ts";
import { Succession } from "./succession.ts";
import { readSecrets } from "../app/secret_files.ts";
import { readSlates } from "../app/slate_files.ts";
import { StartError } from "../app/start_error.ts";
import { requireWritable } from "../app/written_paths.ts";
import type { DrainRequest } from "../app/drain.ts";
import type { Service } from "../app/service.ts";
import { EventLog } from "../monitor/event_log.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import { countWorkers, startThreads } from "../app/threaded_server.ts";

/**
 * Runs `edge --config FILE`: loads the configuration, starts the server, and serves until a signal
 * stops it.
 *
 * @param say Prints a line at the terminal.
 * @throws {ConfigError} {@linkcode StartError} {@linkcode PidFileError}
 */
export async function serve(command: ServeCommand, say: (line: string) => void): Promise<ExitCode> {
  const source = new SettingsSource(command, readEnvironment());
  if (command.test && source.isEmpty) {
    throw new UsageError(
      'Option "--test" has no configuration to test',
      "name a file: `edge --test --config edge.conf`",
    );
  }
  const { file } = source;
  const loaded = source.load();
  const { config } = loaded;
  const warnings = [...loaded.warnings, ...await examineCertificates(config, file ?? "")];
  if (command.test) {
    readSecrets(config, config.workDir);
    readSlates(config, config.workDir);
    for (const warning of warnings) say(describeConfigProblem(warning));
    say(file === undefined ? "Configuration is valid" : `Configuration file ${file} is valid`);
    return EXIT_CODE.ok;
  }
  using signals = Signals.listen();
  if (config.workDir !== "") source.changeFolder(config.workDir);
  requireWritable(config);
  if (command.replace) requireReplaceable(config);
  let pidFile: PidFile | null = null;
  if (config.pid !== "" && !command.replace) pidFile = await acquirePidFile(config.pid);
  const logging = createLogging(config.log);
  const notifySocket = readNotifySocket();
  const manager = ServiceManager.open(notifySocket, logging.logger);
  async function close(): Promise<void> {
    await manager.close();
    await logging.close();
    pidFile?.release();
  }
  dropPermissions(config, notifySocket);
  for (const warning of warnings) logging.logger.warning(describeConfigProblem(warning));
  try {
    await runServer(config, {
      ...{ logging, source, signals, manager, close },
      isReplacing: command.replace,
      async takePidFile() {
        if (command.replace) pidFile = await replacePidFile(config.pid);
        return pidFile;
      },
    });
  } finally {
    await close();
  }
  return EXIT_CODE.ok;
}

/**
 * Returns warnings about certificates.
 *
 * @throws {ConfigError} when one cannot be used.
 */
async function examineCertificates(config: Config, file: string): Promise<ConfigProblem[]> {
  const found = await checkCertificates(config, config.workDir, Date.now());
  const problems = found.map((problem) => ({ ...problem, file, line: 0, column: 0 }));
  const errors = problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new ConfigError(errors);
  return problems;
}

/** What a running server needs of the program. */
interface Program {
  readonly logging: Logging;
  readonly source: SettingsSource;
  readonly signals: Signals;
  readonly manager: ServiceManager;
  /** Closes the log and removes the pid file. */
  readonly close: () => Promise<void>;
  /** Another server listens on the same addresses, and will stop. */
  readonly isReplacing: boolean;
  /** The server listens: writes the pid file if another one did before. Null when there is none. */
  readonly takePidFile: () => Promise<PidFile | null>;
}

/** Serves until a signal stops it. */
async function runServer(loaded: Config, program: Program): Promise<void> {
  const { logging, source, signals, manager, close, isReplacing } = program;
  const events = new EventLog(logging.logger, Date.now);
  const throttle = new LogThrottle(events.logger, systemClock);
  const { logger } = throttle;
  const config = fitDescriptors(loaded, logger);
  const started = Promise.withResolvers<Service>();
  const stopped = Promise.withResolvers<void>();
  const drained = Promise.withResolvers<DrainRequest>();
  const drain = (cause: string) =>
    drained.resolve({ cause, target: null, timeoutMs: null, isReplaced: false });
  let server: Service | null = null;
  const reloader = new Reloader({
    source,
    service: started.promise,
    logger,
    manager,
    loaded,
    fitted: config,
  });
  const control = controlBy(
    reloader,
    (order) => drained.resolve({ ...order, isReplaced: false }),
  );
  signals.handle({
    stop: (signal) => {
      const settings = (server?.config ?? config).drain;
      if (signal === "SIGTERM" && settings.isForced) drain(signal);
      else stopped.resolve();
    },
    drain: (signal) => drain(signal),
    reload: (signal) => void reloader.reload(signal),
    reopenLogs: (signal) => logging.reopen(signal),
    exitNow: () => void close().finally(() => Deno.exit(EXIT_CODE.failure)),
  }, logger);
  const count = countWorkers(config, logger);
  // Each worker has its own clock.
  const sharing = { isOn: isReplacing };
  const network = createDenoNetwork({ isPortShared: () => sharing.isOn });
  using clock = count > 1 ? null : await FairClock.open(denoNetwork, systemClock);
  const deps = { network, logger, control, configureLog: logging.configure.bind(logging), events };
  const running = await tryStart(
    config,
    async () =>
      clock === null
        ? await startThreads(config, count, { ...deps, isReplacing })
        : startServer(config, {
          ...deps,
          clock: new AwakeClock(clock),
          createHttp: await loadHttp(config),
          heap: ownHeap(),
        }),
  );
  server = running;
  sharing.isOn = false;
  announce(running, config, source, logging);
  started.resolve(running);
  try {
    const watching = watchConfig(running, source, reloader);
    const endings = { config, program, reloader, logger, stopped, drained, sharing };
    await untilStopped(running, endings).finally(watching);
  } finally {
    manager.stopping();
    await running.stop();
  }
  throttle.stop();
  logging.notice("Stopped");
}

/** What ends a running server. */
interface Endings {
  readonly config: Config;
  readonly program: Program;
  readonly reloader: Reloader;
  readonly logger: Logger;
  readonly stopped: PromiseWithResolvers<void>;
  readonly drained: PromiseWithResolvers<DrainRequest>;
  /** Whether others may listen on the same addresses. */
  readonly sharing: { isOn: boolean };
}

/** Settles when the server is to stop: at once, or when it is drained. */
async function untilStopped(
  server: Service,
  { config, program, reloader, logger, stopped, drained, sharing }: Endings,
): Promise<void> {
  const { manager, isReplacing, takePidFile } = program;
  using stack = new DisposableStack();
  stack.defer(blockDebugger());
  const inheritance = new Inheritance(server.view, reloader);
  const handover = stack.use(new Handover({ server, inheritance, pidPath: config.pid, logger }));
  const pidFile = await takePidFile();
  const drain = (request: DrainRequest) => server.drain(request);
  const resume = () => {
    // Yet another process may listen there already, and have this one's place soon.
    sharing.isOn = true;
    return server.resume().finally(() => sharing.isOn = false);
  };
  const deps = { server: { drain, resume }, pidFile, handover, manager, logger };
  const succession = stack.use(new Succession(deps));
  succession.start();
  if (config.pid !== "") handover.seek(isReplacing);
  manager.ready("Serving");
  void drained.promise.then((request) => succession.drain(request));
  await Promise.race([stopped.promise, succession.ended]);
}

function controlBy(reloader: Reloader, drain: ServerControl["drain"]): ServerControl {
  return {
    get lastReload() {
      return reloader.lastReload;
    },
    reload: (cause) => reloader.reload(cause),
    forwards: reloader.forwards,
    vhosts: () => reloader.vhosts(),
    drain,
  };
}

/** Reloads when files have changed, if the settings ask for that. @returns ends it */
function watchConfig(
  service: Service,
  source: SettingsSource,
  reloader: Reloader,
): () => void {
  const watch = new ConfigWatch({
    source,
    clock: systemClock,
    isOn: () => service.config.autoReload && !service.isDraining,
    onChange: (path) => void reloader.reload(`${path} has changed`),
  });
  watch.start();
  return () => watch.stop();
}

/** @throws {StartError} when this process cannot take the place of another one. */
function requireReplaceable({ pid }: Config): void {
  if (Deno.build.os !== "linux") {
    throw new StartError("Option --replace needs Linux", "stop the running server first");
  }
  if (pid !== "") return;
  throw new StartError(
    "Option --replace has no pid file to find the running server by",
    "write pid FILE into the configuration of both servers",
  );
}

/** @throws {StartError} with a fix, when `start` cannot listen. */
async function tryStart(config: Config, start: () => Promise<Service>): Promise<Service> {
  try {
    return await start();
  } catch (error) {
    throw explainListenError(error, config);
  }
}

function announce(
  server: Service,
  config: Config,
  { file, variables }: SettingsSource,
  logging: Logging,
): void {
  const ownDefaults = variables.length === 0 ? "none: an origin with default settings" : "none";
  logging.notice(`edge ${VERSION} started`, { config: file ?? ownDefaults, pid: Deno.pid });
  // Names only: values may be passwords.
  if (variables.length > 0) {
    logging.notice("Environment variables replace settings", { names: variables.join(" ") });
  }
  for (const vhost of config.vhosts.values()) {
    if (vhost.mode === "local") {
      logging.notice(`Vhost ${vhost.name} is an origin`);
    } else {
      const origins = vhost.cluster.origins.map(formatOrigin).join(" ");
      logging.notice(`Vhost ${vhost.name} is an edge`, { origins });
    }
  }
  if (config.log.tank === "file") logging.notice("Logging to a file", { file: config.log.file });
  const listeners = {
    rtmp: server.addresses,
    rtmps: server.rtmpsAddresses,
    http: server.httpAddresses,
    https: server.httpsAddresses,
  };
  for (const [scheme, addresses] of Object.entries(listeners)) {
    for (const address of addresses) {
      logging.notice(`Listening on ${scheme}://${formatAddress(address)}`);
    }
  }
}
