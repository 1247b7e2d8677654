import type { Config, VhostConfig } from "../config/config.ts";
import { type Entries, type Entry, ROOT, VHOST } from "../config/schema.ts";
import {
  CLOSES_CLIENTS,
  maskSecrets,
  noteOf,
  SERVER_SETTINGS,
  type SettingTable,
  VHOST_SETTINGS,
} from "./setting_table.ts";

/** A difference between two configurations. */
export interface Change {
  /**
   * The directive: `listen`, `http_api.enabled`, `vhost a.example play.atc`; or `vhost a.example`.
   */
  readonly path: string;
  /** The values as text, without secrets. `absent` and `present` for a whole vhost. */
  readonly from: string;
  readonly to: string;
  /** `live`: a running server applies it. `restart`: takes effect at the next start only. */
  readonly how: "live" | "restart";
  /** Why it needs a restart, or what to know about the live change; may be empty. */
  readonly note: string;
}

/** What turns one configuration into another. */
export interface ConfigPlan {
  /** Settings of the server first, then vhosts in the order of the new configuration. */
  readonly changes: readonly Change[];
  /** Vhosts to add, those that replace one of the same name in another mode among them. */
  readonly added: readonly VhostConfig[];
  /** Vhosts to configure. */
  readonly changed: readonly VhostConfig[];
  /** Vhosts to remove, replaced ones among them. */
  readonly removed: readonly VhostConfig[];
  /** The settings afterwards: the new ones, except where a restart is needed. */
  readonly config: Config;
}

/**
 * Compares two configurations. Pure. Every directive is classified by its row in
 * `config/schema.ts`, but for `cluster.mode`: an origin and an edge share no streams, so a vhost
 * whose mode changes is removed and added. That closes the clients of this vhost, where a restart
 * would close all.
 */
export function planChanges(current: Config, next: Config): ConfigPlan {
  const changes = compareServer(current, next);
  const added: VhostConfig[] = [];
  const changed: VhostConfig[] = [];
  const removed: VhostConfig[] = [];
  const vhosts = new Map<string, VhostConfig>();
  for (const [name, vhost] of next.vhosts) {
    const before = current.vhosts.get(name);
    const merged = before === undefined ? vhost : keepEqualBlocks(before, vhost);
    vhosts.set(name, merged);
    if (before === undefined) {
      changes.push(presence(vhost, "absent", "present"));
      added.push(vhost);
    } else if (before.mode !== vhost.mode) {
      changes.push(...compareVhost(before, vhost));
      removed.push(before);
      added.push(merged);
    } else if (merged !== before) {
      changes.push(...compareVhost(before, vhost));
      changed.push(merged);
    }
  }
  for (const [name, vhost] of current.vhosts) {
    if (next.vhosts.has(name)) continue;
    changes.push(presence(vhost, "present", "absent"));
    removed.push(vhost);
  }
  return { changes, added, changed, removed, config: keepFixed(current, { ...next, vhosts }) };
}

/**
 * Returns `next` with the objects of `before` where they say the same, or `before` itself when all
 * of it does. So HLS, for example, sees by identity whether its block has changed.
 */
function keepEqualBlocks(before: VhostConfig, next: VhostConfig): VhostConfig {
  const kept = Object.entries(before).filter(([key, value]) =>
    JSON.stringify(value) === JSON.stringify(next[key as keyof VhostConfig])
  );
  const isEqual = kept.length === Object.keys(next).length;
  return isEqual ? before : { ...next, ...Object.fromEntries(kept) };
}

function compareServer(current: Config, next: Config): Change[] {
  return compare({ settings: SERVER_SETTINGS, entries: ROOT }, current, next);
}

function compareVhost(current: VhostConfig, next: VhostConfig): Change[] {
  const changes = compare({ settings: VHOST_SETTINGS, entries: VHOST }, current, next);
  return changes.map((change) => ({ ...change, path: `vhost ${next.name} ${change.path}` }));
}

function compare<T>(
  { settings, entries }: { readonly settings: SettingTable<T>; readonly entries: Entries },
  current: T,
  next: T,
): Change[] {
  return Object.entries(settings).flatMap(([path, read]): Change[] => {
    const [from, to] = [read(current), read(next)];
    if (from === to) return [];
    const restart = restartReason(path, entries);
    return [{
      path,
      from: maskSecrets(path, from),
      to: maskSecrets(path, to),
      how: restart === "" ? "live" : "restart",
      note: restart === "" ? noteOf(path) : restart,
    }];
  });
}

function presence(
  { name }: VhostConfig,
  from: "absent" | "present",
  to: "absent" | "present",
): Change {
  const note = to === "absent" ? CLOSES_CLIENTS : "";
  return { path: `vhost ${name}`, from, to, how: "live", note };
}

/** Why the directive at `path` needs a restart; empty when it does not. */
function restartReason(path: string, entries: Entries): string {
  const [name = "", ...rest] = path.split(".");
  const entry: Entry | undefined = entries[name];
  if (entry?.kind === "block") return restartReason(rest.join("."), entry.entries);
  if (entry?.kind === "option") return entry.restart;
  throw new Error(`Setting ${path} has no row in config/schema.ts; add one`);
}

/** `next` with the settings of `current` that a running server cannot change. */
function keepFixed({ workers, chunkSize, pid, workDir }: Config, next: Config): Config {
  return { ...next, workers, chunkSize, pid, workDir };
}
