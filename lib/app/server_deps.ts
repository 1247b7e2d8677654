import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { LogConfig } from "../config/config.ts";
import type { Network } from "../io/transport.ts";
import type { EventLog } from "../monitor/event_log.ts";
import type { ServerControl } from "../monitor/server_control.ts";
import type { HookFetch } from "../server/hook_client.ts";
import type { BridgePort } from "../threads/bridge_link.ts";
import type { CreateHttp } from "./http_listeners.ts";
import type { Heap } from "./memory_trim.ts";

/** Which of several worker threads a server is. */
export interface ThreadSlot {
  /** Number of the worker, from 0. */
  readonly index: number;
  /** Number of workers. */
  readonly count: number;
  /** Identifies the process to other servers. */
  readonly edgeId: string;
  /** The workers that are running already. */
  readonly peers: readonly { readonly index: number; readonly port: BridgePort }[];
}

/** What a server is given by the program, or by a test. */
export interface ServerDeps {
  readonly network: Network;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Applies new log settings to `logger`, and returns why not, or null. Without it they have no
   * effect.
   */
  readonly configureLog?: (config: LogConfig) => string | null;
  /** Present when the server is one of several worker threads. */
  readonly thread?: ThreadSlot;
  /** Present when the configuration asks for HTTP at the start. */
  readonly createHttp?: CreateHttp | undefined;
  /** What the API can make the program do besides closing a client; nothing when absent. */
  readonly control?: ServerControl;
  /** The newest lines of the log, for the API; none when absent. */
  readonly events?: EventLog;
  /** Given back to the system after a burst; none in tests, nor where it cannot be collected. */
  readonly heap?: Heap | null;
  /** Sends HTTP callbacks; the runtime's `fetch` unless a test replaces it. */
  readonly hookFetch?: HookFetch;
}
