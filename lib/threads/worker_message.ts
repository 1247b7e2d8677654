/** What the main thread and its worker threads tell each other. */

import type { LogFields, LogLevel } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { ServerSnapshot } from "../monitor/server_view.ts";

/** To a worker. */
export type ToWorker =
  /** The first message. */
  | {
    readonly type: "start";
    readonly index: number;
    readonly count: number;
    /** Id of this process among edges. */
    readonly edgeId: string;
    readonly config: Config;
    readonly neighbours: readonly Neighbour[];
  }
  /** Another worker, which takes the place of one that was lost. */
  | { readonly type: "neighbour"; readonly neighbour: Neighbour }
  /** To be answered with a snapshot. */
  | { readonly type: "show"; readonly id: number }
  /** To be answered with whether there was such a client. */
  | { readonly type: "kick"; readonly id: number; readonly clientId: string }
  | { readonly type: "stop" };

/** Another worker, and the way to it. */
export interface Neighbour {
  readonly index: number;
  readonly port: MessagePort;
}

/** From a worker. */
export type FromWorker =
  | { readonly type: "listening" }
  /** It could not start. */
  | { readonly type: "failed"; readonly reason: string }
  | {
    readonly type: "log";
    readonly level: LogLevel;
    readonly layer: string;
    readonly id: string | undefined;
    readonly message: string;
    readonly fields: LogFields;
  }
  | { readonly type: "shown"; readonly id: number; readonly snapshot: ServerSnapshot }
  | { readonly type: "kicked"; readonly id: number; readonly isDone: boolean }
  /** Everything is closed. */
  | { readonly type: "stopped" };
