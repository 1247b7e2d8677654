import { ConfigError, describeConfigProblem, describeError, UsageError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { TaskQueue } from "../base/task_queue.ts";
import { AddedForwards } from "../config/added_forwards.ts";
import type { Config } from "../config/config.ts";
import type { SettingChange } from "../config/setting_change.ts";
import { fitDescriptors, type FittedConfig } from "../app/descriptors.ts";
import type { Service } from "../app/service.ts";
import { StartError } from "../app/start_error.ts";
import type { ReloadReport, ServerControl } from "../monitor/server_control.ts";
import { explainListenError } from "./listen_error.ts";
import type { ServiceManager } from "./service_manager.ts";
import type { SettingsSource } from "./settings_source.ts";

/** Options of {@linkcode Reloader}. */
interface ReloaderOptions {
  readonly source: Pick<SettingsSource, "load">;
  /** Resolves when the server has started; reloads wait for it. */
  readonly service: Promise<Service>;
  readonly logger: Logger;
  readonly manager: Pick<ServiceManager, "reloading" | "ready">;
  /** The settings at the start: as they were loaded, and with as many connections as fit. */
  readonly loaded: Config;
  readonly fitted: FittedConfig;
}

/**
 * Loads the configuration again and applies it to the running server: all of it, or nothing. One
 * reload at a time; what asks for one meanwhile gets the next one, which all of them share.
 *
 * ```
 *   idle ── reload() ──▶ running ── done ──▶ idle
 *                         │    ▲
 *                reload() ▼    │ done
 *                        running, another waits ── reload() joins the one that waits
 * ```
 */
export class Reloader implements Omit<ServerControl, "drain"> {
  readonly forwards = new AddedForwards();
  readonly #options: ReloaderOptions;
  readonly #queue = new TaskQueue();
  /** The reload that has not begun yet. */
  #waiting: Promise<ReloadReport> | null = null;
  #last: { id: string; report: ReloadReport | null } | null = null;
  /** The newest answer of {@linkcode fitDescriptors}, and what was asked for. */
  #capacity: { readonly asked: number; readonly fitted: FittedConfig };
  #vhosts: Config["vhosts"];

  constructor(options: ReloaderOptions) {
    this.#options = options;
    const { loaded, fitted } = options;
    this.#capacity = { asked: loaded.maxConnections, fitted };
    this.#vhosts = loaded.vhosts;
  }

  vhosts(): Config["vhosts"] {
    return this.#vhosts;
  }

  get lastReload(): ServerControl["lastReload"] {
    return this.#last;
  }

  reload(cause: string): Promise<ReloadReport> {
    this.#waiting ??= this.#queue.run(async () => {
      const service = await this.#options.service;
      this.#waiting = null;
      const last = { id: crypto.randomUUID().slice(0, 7), report: null as ReloadReport | null };
      this.#last = last;
      const { manager } = this.#options;
      manager.reloading();
      last.report = await this.#reload(service, cause);
      manager.ready(summarize(last.report));
      return last.report;
    });
    return this.#waiting;
  }

  async #reload(service: Service, cause: string): Promise<ReloadReport> {
    let next: Config | null = null;
    try {
      const { config: written, warnings } = this.#options.source.load();
      const config = this.forwards.addTo(written);
      next = config;
      const report = await service.apply(await this.#fit(config, service));
      this.#vhosts = config.vhosts;
      const texts = warnings.map(describeConfigProblem);
      return this.#logged({ type: "applied", ...report, warnings: texts }, cause);
    } catch (error) {
      return this.#logged({ type: "refused", problems: describeRefusal(error, next) }, cause);
    }
  }

  /** Counts file descriptors again only if `max_connections` has changed. */
  async #fit(config: Config, { view }: Service): Promise<FittedConfig> {
    if (config.maxConnections !== this.#capacity.asked) {
      const inUse = (await view.snapshot()).totals.connections;
      const fitted = fitDescriptors(config, this.#options.logger, { inUse });
      this.#capacity = { asked: config.maxConnections, fitted };
    }
    const { maxConnections, apiReserve = 0 } = this.#capacity.fitted;
    return { ...config, maxConnections, apiReserve };
  }

  #logged(report: ReloadReport, cause: string): ReloadReport {
    const { logger } = this.#options;
    if (report.type === "refused") {
      logger.error("Configuration not reloaded: the old one stays in force", {
        cause,
        problems: report.problems.length,
      });
      for (const problem of report.problems) logger.error(`Configuration problem: ${problem}`);
      return report;
    }
    const { applied, needsRestart, warnings, failures } = report;
    logger.info("Configuration reloaded", {
      cause,
      applied: applied.length,
      needs_restart: needsRestart.length,
      warnings: warnings.length,
    });
    for (const change of applied) logger.info(`Setting changed: ${change.path}`, fieldsOf(change));
    for (const change of needsRestart) {
      logger.warning(`Setting needs a restart: ${change.path}`, fieldsOf(change));
    }
    for (const warning of warnings) logger.warning(warning);
    for (const failure of failures) logger.error(`Setting not applied: ${failure}`);
    return report;
  }
}

/** One line about the last reload, for the service manager. */
function summarize(report: ReloadReport): string {
  if (report.type === "refused") {
    return `Serving with the old configuration: ${report.problems.length} problems in the new one`;
  }
  const { applied, needsRestart } = report;
  return `Serving; reloaded: ${applied.length} applied, ${needsRestart.length} wait for a restart`;
}

function fieldsOf({ from, to, note }: SettingChange): Record<string, string> {
  return { from, to, ...(note === "" ? {} : { note }) };
}

/** Returns why nothing was applied; `next` are the settings if they could be loaded. */
function describeRefusal(error: unknown, next: Config | null): string[] {
  if (error instanceof ConfigError) return error.problems.map(describeConfigProblem);
  const explained = next === null ? error : explainListenError(error, next);
  return explained instanceof StartError || explained instanceof UsageError
    ? [`${explained.message}: ${explained.fix}`]
    : [describeError(explained)];
}
