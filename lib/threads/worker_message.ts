/** What the main thread and its worker threads send each other. */

import type { LogFields, LogLevel } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { NetAddress } from "../io/transport.ts";
import type { Ban } from "../server/bans.ts";
import type { MoveCounts, MoveSelector } from "../server/move_clients.ts";
import type { DrainCounts, ServerSnapshot } from "../monitor/server_view.ts";

/** To a worker. */
export type ToWorker =
  /** The first message. */
  | {
    readonly type: "start";
    readonly index: number;
    readonly count: number;
    /** Identifies this process to other servers. */
    readonly edgeId: string;
    readonly config: Config;
    /** False while the server drains. */
    readonly isListening: boolean;
    readonly peers: readonly PeerPort[];
    /** In force already. */
    readonly bans: readonly Ban[];
  }
  /** A worker that replaces one that died. */
  | { readonly type: "peer"; readonly peer: PeerPort }
  /** Answered by `shown`. */
  | { readonly type: "show"; readonly id: number }
  /** Answered by `kicked`. */
  | { readonly type: "kick"; readonly id: number; readonly clientId: string }
  /** As `ServerView.ban`; not answered. */
  | { readonly type: "ban"; readonly bans: readonly Ban[] }
  /** As `ServerView.lift`; not answered. */
  | { readonly type: "lift"; readonly ip: string }
  /** Answered by `moved`. */
  | {
    readonly type: "move";
    readonly id: number;
    readonly selector: MoveSelector;
    readonly target: string | null;
  }
  /** Listeners are closed; answered by `finished`. */
  | { readonly type: "finish"; readonly id: number }
  /** Answered by `counted`. */
  | { readonly type: "count"; readonly id: number }
  /** As `Service.resume`; answered by `resumed`. */
  | { readonly type: "resume"; readonly id: number }
  /** As `Service.openHandover`; answered by `opened`. */
  | { readonly type: "open"; readonly id: number; readonly token: string }
  /** As `Service.takeOver`; not answered. */
  | {
    readonly type: "take over";
    readonly target: { readonly addresses: readonly NetAddress[]; readonly token: string } | null;
  }
  /** New settings; answered by `applied`. */
  | { readonly type: "apply"; readonly id: number; readonly config: Config }
  /** Answered by `pong`, at once. */
  | { readonly type: "ping" }
  /** Answered by `stopped`. */
  | { readonly type: "stop" };

/** Another worker, and the port that leads to it. */
export interface PeerPort {
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
  /** `isDone` is false when the worker has no such client. */
  | { readonly type: "kicked"; readonly id: number; readonly isDone: boolean }
  | { readonly type: "moved"; readonly id: number; readonly counts: MoveCounts }
  | { readonly type: "finished"; readonly id: number }
  /** `failure` says why the worker cannot listen; null when it does. */
  | { readonly type: "resumed"; readonly id: number; readonly failure: string | null }
  | { readonly type: "counted"; readonly id: number; readonly counts: DrainCounts }
  | { readonly type: "opened"; readonly id: number; readonly port: number }
  /** `failure` says why the settings are not applied; null when they are. */
  | { readonly type: "applied"; readonly id: number; readonly failure: string | null }
  | { readonly type: "pong" }
  /** Everything is closed. */
  | { readonly type: "stopped" };
