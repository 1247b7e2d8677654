import type { Config, VhostConfig } from "../config/config.ts";
import { type Entries, type Entry, ROOT, VHOST } from "../config/schema.ts";
import type { SettingChange } from "../config/setting_change.ts";
import type { FittedConfig } from "./descriptors.ts";
import { recordingFolder } from "./written_paths.ts";
import {
  CLOSES_CLIENTS,
  maskSecrets,
  noteOf,
  SERVER_SETTINGS,
  type SettingTable,
  VHOST_SETTINGS,
} from "./setting_table.ts";

/** What turns one configuration into another. */
export interface ConfigPlan {
  /** Settings of the server first, then vhosts in the order of the new configuration. */
  readonly changes: readonly SettingChange[];
  /** Vhosts to add, those that replace one of the same name in another mode among them. */
  readonly added: readonly VhostConfig[];
  /** Vhosts to configure. */
  readonly changed: readonly VhostConfig[];
  /** Vhosts to remove, replaced ones among them. */
  readonly removed: readonly VhostConfig[];
  /** The settings afterwards: the new ones, except where a restart is needed. */
  readonly config: FittedConfig;
}

/**
 * Compares two configurations. Pure. Every directive is classified by its row in
 * `config/schema.ts`, with three exceptions. `cluster.mode`: an origin and an edge share no
 * streams, so a vhost whose mode changes is removed and added. That closes the clients of this
 * vhost, where a restart would close all. Files that the process may not write, and with several
 * workers what decides which of them owns a stream: they wait for a restart.
 *
 * @param mayWrite Whether the process may write to a path.
 */
export function planChanges(
  current: Config,
  next: FittedConfig,
  mayWrite: (path: string) => boolean = () => true,
): ConfigPlan {
  const isLogHeld = next.log.tank === "file" && !mayWrite(next.log.file);
  const changes = compareServer(current, next, isLogHeld ? [LOG_FILE] : []);
  const added: VhostConfig[] = [];
  const changed: VhostConfig[] = [];
  const removed: VhostConfig[] = [];
  const vhosts = new Map<string, VhostConfig>();
  for (const [name, vhost] of next.vhosts) {
    const before = current.vhosts.get(name);
    const { allowed, held } = withoutHeld(before, vhost, { mayWrite, workers: current.workers });
    const merged = before === undefined ? allowed : keepEqualBlocks(before, allowed);
    vhosts.set(name, merged);
    if (before === undefined) {
      changes.push(presence(vhost, "absent", "present"));
      if (held.length > 0) changes.push(...compareVhost(merged, vhost, held));
      added.push(merged);
      continue;
    }
    changes.push(...compareVhost(before, vhost, held));
    if (before.mode !== vhost.mode) {
      removed.push(before);
      added.push(merged);
    } else if (merged !== before) {
      changed.push(merged);
    }
  }
  for (const [name, vhost] of current.vhosts) {
    if (next.vhosts.has(name)) continue;
    changes.push(presence(vhost, "present", "absent"));
    removed.push(vhost);
  }
  const { tank, file } = isLogHeld ? current.log : next.log;
  const log = { ...next.log, tank, file };
  const config = keepFixed(current, { ...next, log, vhosts });
  return { changes, added, changed, removed, config };
}

/** Directives that wait for a restart, and why. */
interface Held {
  readonly paths: RegExp;
  readonly reason: string;
}

const MAY_NOT_WRITE = "this process gave up, or never had, the permission to write there";
const LOG_FILE: Held = { paths: /^srs_log_(?:tank|file)$/, reason: MAY_NOT_WRITE };
const HLS_FILES: Held = { paths: /^hls\./, reason: MAY_NOT_WRITE };
const DVR_FILES: Held = { paths: /^dvr\./, reason: MAY_NOT_WRITE };
const VARIANTS: Held = {
  paths: /^hls\.hls_variant$/,
  reason: "with workers, it decides which of them has a stream",
};

/** Returns a vhost with what `before` has in place of what waits for a restart. */
function withoutHeld(
  before: VhostConfig | undefined,
  vhost: VhostConfig,
  { mayWrite, workers }: {
    readonly mayWrite: (path: string) => boolean;
    readonly workers: Config["workers"];
  },
): { readonly allowed: VhostConfig; readonly held: readonly Held[] } {
  const { enabled, hls, dvr } = vhost;
  const isHlsHeld = enabled && hls.enabled && !mayWrite(hls.path);
  const areVariantsHeld = !isHlsHeld && before !== undefined && workers !== 1;
  const isDvrHeld = enabled && dvr.enabled && !mayWrite(recordingFolder(dvr));
  const allowed = {
    ...vhost,
    ...(isHlsHeld ? { hls: before?.hls ?? { ...hls, enabled: false } } : {}),
    ...(areVariantsHeld ? { hls: { ...hls, variants: before.hls.variants } } : {}),
    ...(isDvrHeld ? { dvr: before?.dvr ?? { ...dvr, enabled: false } } : {}),
  };
  const held = [
    ...(isHlsHeld ? [HLS_FILES] : []),
    ...(areVariantsHeld ? [VARIANTS] : []),
    ...(isDvrHeld ? [DVR_FILES] : []),
  ];
  return { allowed, held };
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

function compareServer(current: Config, next: Config, held: readonly Held[]): SettingChange[] {
  return compare({ settings: SERVER_SETTINGS, entries: ROOT, held }, current, next);
}

function compareVhost(
  current: VhostConfig,
  next: VhostConfig,
  held: readonly Held[],
): SettingChange[] {
  const changes = compare({ settings: VHOST_SETTINGS, entries: VHOST, held }, current, next);
  return changes.map((change) => ({ ...change, path: `vhost ${next.name} ${change.path}` }));
}

/** The directives of one level. */
interface Level<T> {
  readonly settings: SettingTable<T>;
  readonly entries: Entries;
  readonly held: readonly Held[];
}

function compare<T>(
  { settings, entries, held }: Level<T>,
  current: T,
  next: T,
): SettingChange[] {
  return Object.entries(settings).flatMap(([path, read]): SettingChange[] => {
    const [from, to] = [read(current), read(next)];
    if (from === to) return [];
    const restart = held.find(({ paths }) => paths.test(path))?.reason ??
      restartReason(path, entries);
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
): SettingChange {
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
function keepFixed(
  { workers, chunkSize, pid, workDir, serverName, sessionLog }: Config,
  next: FittedConfig,
): FittedConfig {
  return { ...next, workers, chunkSize, pid, workDir, serverName, sessionLog };
}
