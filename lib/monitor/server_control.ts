import type { AddedForwards } from "../config/added_forwards.ts";
import type { VhostConfig } from "../config/config.ts";
import type { SettingChange } from "../config/setting_change.ts";

/** What became of a request to load the configuration again. */
export type ReloadReport =
  | {
    readonly type: "applied";
    /** In force from now on; empty when nothing has changed. */
    readonly applied: readonly SettingChange[];
    /** Not applied; each says why. */
    readonly needsRestart: readonly SettingChange[];
    /** About the file, with their place and a fix. */
    readonly warnings: readonly string[];
    /** Worker threads that did not apply it, each with a fix. */
    readonly failures: readonly string[];
  }
  | {
    /** Nothing has changed: the earlier configuration stays in force as a whole. */
    readonly type: "refused";
    /** Why, with places and fixes; at least one. */
    readonly problems: readonly string[];
  };

/** The newest reload. */
interface LastReload {
  /** Names it; random. */
  readonly id: string;
  /** Null while it is running. */
  readonly report: ReloadReport | null;
}

/** A drain that an operator asks for. */
export interface DrainOrder {
  /** Who or what asked for it, for the log. */
  readonly cause: string;
  /** Where clients are sent, as for `ClientSource.move`; null for the address that they used. */
  readonly target: string | null;
  /** Replaces `drain_timeout`; null for that. */
  readonly timeoutMs: number | null;
}

/** Destinations of `forward` beside those of the configuration. They count from a reload on. */
type ForwardControl = Pick<AddedForwards, "all" | "add" | "remove">;

/** What an operator can make the program do over the API, besides closing a client. */
export interface ServerControl {
  /** Null when there was none. */
  readonly lastReload: LastReload | null;
  /**
   * Loads the configuration again and applies it. Requests during a reload wait for it, and share
   * the next one. Does not reject.
   *
   * @param cause Who or what asked for it, for the log.
   */
  reload(cause: string): Promise<ReloadReport>;
  readonly forwards: ForwardControl;
  /** The vhosts in force, by name. */
  readonly vhosts: () => ReadonlyMap<string, Pick<VhostConfig, "mode" | "forward">>;
  /** Begins to drain the server, which stops afterwards. Without effect while it drains. */
  drain(order: DrainOrder): void;
}
