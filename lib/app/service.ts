import type { Config } from "../config/config.ts";
import type { NetAddress } from "../io/transport.ts";
import type { ServerView } from "../monitor/server_view.ts";
import type { SettingChange } from "../config/setting_change.ts";
import type { ConfigPlan } from "./config_plan.ts";
import type { FittedConfig } from "./descriptors.ts";
import type { DrainRequest } from "./drain.ts";
import type { HandoverTarget } from "./handover_vhost.ts";

/** What became of a new configuration. */
export interface ApplyReport {
  /** In force from now on. */
  readonly applied: readonly SettingChange[];
  /** Not applied; each change says why. */
  readonly needsRestart: readonly SettingChange[];
  /** What did not apply it: worker threads, the log; each with a fix. Empty when all did. */
  readonly failures: readonly string[];
}

/** A server that listens, in one thread or in several. */
export interface Service {
  /** Real addresses, in the order of the configuration. */
  readonly addresses: readonly NetAddress[];
  /** The same of RTMP over TLS. */
  readonly rtmpsAddresses: readonly NetAddress[];
  /** Real addresses of HTTP, those of the API first. */
  readonly httpAddresses: readonly NetAddress[];
  /** The same of HTTP over TLS. */
  readonly httpsAddresses: readonly NetAddress[];
  /** The settings in force. */
  readonly config: Config;
  /** It drains: settings are not applied. */
  readonly isDraining: boolean;
  /** What the API reads. */
  readonly view: ServerView;
  /**
   * Applies a new configuration as far as a running server can. Clients stay, except those of
   * removed vhosts and of vhosts whose mode changes. Calls are served one after the other.
   *
   * @throws {HttpListenError} {@linkcode StartError} and what `Deno.listen` throws, when an address
   * cannot be listened on, or the server stops; then nothing has changed. A port that moves from
   * one block to another counts as in use.
   */
  apply(next: FittedConfig): Promise<ApplyReport>;
  /**
   * Waits for the clients to leave, and asks those to move that can. Settles when none is left, or
   * at the timeout; then stop the server. Settles with false when {@linkcode resume} is called
   * before. A second call waits for the first one's end; when another process listens on the same
   * addresses, these are closed now, the API's, too.
   */
  drain(request: DrainRequest): Promise<boolean>;
  /**
   * Listens again on all addresses, and drains no longer: the process that took them has died.
   *
   * @throws {HttpListenError} and what `Deno.listen` throws, when one cannot be listened on; then
   * the server drains on.
   */
  resume(): Promise<void>;
  /**
   * Lets the other process of a replacement play every stream, for its own players.
   *
   * @param token What it sends.
   * @returns the port of 127.0.0.1 that it connects to.
   */
  openHandover(token: string): Promise<number>;
  /**
   * Takes streams that have no publisher here from the other processes of a replacement. Null when
   * they have ended: then none is let in any longer, either.
   */
  takeOver(target: HandoverTarget | null): Promise<void>;
  /** Stops gracefully. Resolves when everything is closed. */
  stop(): Promise<void>;
}

/** Returns the report of a plan that was carried out. */
export function reportOf({ changes }: ConfigPlan, failures: readonly string[] = []): ApplyReport {
  return {
    applied: changes.filter(({ how }) => how === "live"),
    needsRestart: changes.filter(({ how }) => how === "restart"),
    failures,
  };
}
