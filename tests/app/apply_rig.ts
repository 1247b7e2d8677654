import { startServer } from "../../lib/app/compose.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import type { ApplyReport } from "../../lib/app/service.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../../lib/base/log.ts";
import type { Config } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { HookScript } from "../helpers/hook_script.ts";
import { CollectedLog, PROMPT } from "../helpers/local_server.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { at } from "./crowd.ts";

/** Parts of a configuration file. What is left out is empty. */
export interface ConfigParts {
  /** Ports of loopback besides the first one. */
  readonly ports?: readonly number[];
  /** Outside vhosts. */
  readonly server?: string;
  /** In the default vhost, an origin. */
  readonly origin?: string;
  /** In vhost `edge.test`, an edge, which is absent without. */
  readonly edge?: string;
  /** Further vhosts. */
  readonly vhosts?: string;
}

/** Returns the configuration; its first port is a free one, the same in all of a test. */
export function configOf(
  { ports = [], server = "", origin = "", edge, vhosts = "" }: ConfigParts,
): Config {
  const edgeBlock = edge === undefined ? "" : `vhost edge.test { ${PROMPT} ${edge} }`;
  const text = `listen 1935; ${server}
    vhost __defaultVhost__ { ${PROMPT} ${origin} } ${edgeBlock} ${vhosts}`;
  const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
  const listen = [0, ...ports].map((port) => ({ hostname: "127.0.0.1", port }));
  return { ...config, listen };
}

/** A server whose settings a test changes. */
export class ApplyRig implements AsyncDisposable {
  readonly log = new CollectedLog();
  readonly hooks = new HookScript();
  readonly server: RunningServer;
  readonly #stack = new AsyncDisposableStack();
  #level: LogLevel;

  constructor(parts: ConfigParts = {}) {
    const config = configOf(parts);
    this.#level = config.log.level;
    this.server = startServer(config, {
      network: denoNetwork,
      clock: systemClock,
      logger: this.#filter(this.log.logger),
      configureLog: ({ level }) => {
        this.#level = level;
        return null;
      },
      createHttp: createHttpListeners,
      hookFetch: this.hooks.fetch,
    });
    this.#stack.defer(() => this.server.stop());
  }

  get port(): number {
    return this.server.addresses[0]!.port;
  }

  apply(parts: ConfigParts): Promise<ApplyReport> {
    return this.server.apply(configOf(parts));
  }

  use<T extends AsyncDisposable>(client: T): T {
    return this.#stack.use(client);
  }

  async play(name: string, vhost = "127.0.0.1", port = this.port): Promise<RtmpClient> {
    return this.use(await RtmpClient.play(port, name, at(port, vhost)));
  }

  async publish(name: string, vhost = "127.0.0.1", port = this.port): Promise<RtmpClient> {
    return this.use(await RtmpClient.publish(port, name, at(port, vhost)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  /** Drops lines below the configured level, as the log of the program does. */
  #filter(logger: Logger): Logger {
    const pass = (level: LogLevel) => (message: string, fields?: LogFields) => {
      const isWanted = LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#level);
      if (isWanted) logger[level](message, fields);
    };
    return {
      debug: pass("debug"),
      info: pass("info"),
      warning: pass("warning"),
      error: pass("error"),
      for: (layer, id) => this.#filter(logger.for(layer, id)),
    };
  }
}
