/**
 * Complete servers in the test's own process, on free ports of loopback, with access to their logs.
 */

import type { Clock } from "../../lib/base/clock.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { ConfigError } from "../../lib/base/errors.ts";
import type { LogFields, Logger, LogLevel } from "../../lib/base/log.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { startServer } from "../../lib/app/compose.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import { applyOverrides } from "../../lib/config/overrides.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { until } from "./until.ts";

/** One line of a log. */
export interface LogLine {
  readonly level: LogLevel;
  readonly layer: string;
  readonly id: string | undefined;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines, from debug up, oldest first. */
export class CollectedLog {
  readonly lines: LogLine[] = [];
  readonly logger: Logger = this.#create("edge");

  /** Warnings and errors. */
  get urgent(): LogLine[] {
    return this.lines.filter(({ level }) => level === "warning" || level === "error");
  }

  /** Returns the number of lines with this message. */
  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  #create(layer: string, id?: string): Logger {
    const at = (level: LogLevel) => (message: string, fields: LogFields = {}) => {
      this.lines.push({ level, layer, id, message, fields });
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warning: at("warning"),
      error: at("error"),
      for: (name, id) => this.#create(name, id),
    };
  }
}

/** A complete server. Stops at the end of an `await using` block. */
export class LocalServer implements AsyncDisposable {
  readonly port: number;
  readonly log: CollectedLog;
  readonly #server: RunningServer;

  constructor(server: RunningServer, log: CollectedLog) {
    this.#server = server;
    this.log = log;
    this.port = server.addresses[0]!.port;
  }

  /** Port shared by `http_server` and `http_api`. */
  get httpPort(): number {
    return this.#server.httpAddresses[0]!.port;
  }

  get counts(): RunningServer["counts"] {
    return this.#server.counts;
  }

  get upstreamCount(): number {
    return this.#server.upstreamCount;
  }

  /** Waits until that many clients are connected, play and publish. */
  async untilCounts(expected: Partial<RunningServer["counts"]>): Promise<void> {
    const wanted = Object.entries(expected) as [keyof RunningServer["counts"], number][];
    await until(
      `${JSON.stringify(expected)} at port ${this.port}`,
      () => wanted.every(([what, count]) => this.counts[what] === count),
      { timeoutMs: 10_000, everyMs: 5 },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}

/**
 * Starts a server from the text of a configuration file; every `listen` is replaced by a free port.
 * Nothing is added to the text: `vhost __defaultVhost__ { }` is the least that serves clients.
 */
export function startLocalServer(text: string, clock?: Clock): LocalServer {
  return startLocalFile("test.conf", `listen 1935;\n${text}`, clock);
}

/** The same from a whole file, in TOML if its name ends in `.toml`. */
export function startLocalFile(
  fileName: string,
  text: string,
  clock: Clock = systemClock,
): LocalServer {
  const { config, warnings } = parseConfig(text, fileName, { readFile: () => undefined });
  const meant = warnings.filter(({ what }) => !/open to this machine only|not checked/.test(what));
  if (meant.length > 0) throw new ConfigError(meant);
  const log = new CollectedLog();
  const anyPort = { listen: [{ hostname: "127.0.0.1", port: 0 }] };
  const local = {
    ...applyOverrides(config, { listen: ["127.0.0.1:0"] }),
    httpServer: { ...config.httpServer, ...anyPort },
    httpApi: { ...config.httpApi, ...anyPort },
  };
  const server = startServer(local, {
    network: denoNetwork,
    clock,
    logger: log.logger,
    createHttp: createHttpListeners,
  });
  return new LocalServer(server, log);
}

/** Writes to players at once, rather than every 350 ms, so that tests need not wait. */
export const PROMPT = "mw_latency 0;";

/** Starts an origin without merge delay. */
export function startOrigin(extra = "", clock?: Clock): LocalServer {
  return startLocalServer(`vhost __defaultVhost__ { ${PROMPT} ${extra} }`, clock);
}

/** Starts an edge of `upstream` without merge delay; `cluster` is added to its `cluster` block. */
export function startEdgeOf(upstream: LocalServer, cluster = "", clock?: Clock): LocalServer {
  const origin = `mode remote; origin 127.0.0.1:${upstream.port};`;
  return startLocalServer(
    `vhost __defaultVhost__ { ${PROMPT} cluster { ${origin} ${cluster} } }`,
    clock,
  );
}
