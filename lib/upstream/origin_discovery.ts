import type { CancelTimer, Clock } from "../base/clock.ts";
import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { ClusterConfig, OriginAddress } from "../config/config.ts";
import type { DiscoveredOrigin, OriginName } from "../config/origin_address.ts";
import { formatAddress, formatOrigin } from "../io/address.ts";
import type { NameResolver } from "../io/name_resolver.ts";
import { lookUpName, MAX_ADDRESSES, type NameAnswer } from "./name_lookup.ts";
import type { DiscoveryReport } from "./upstream_snapshot.ts";

/** Options of {@linkcode OriginDiscovery}. */
interface OriginDiscoveryOptions {
  readonly resolver: NameResolver;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The servers of a name have changed. */
  readonly onChange: () => void;
}

/** Which names there are, and whom to ask. */
type DiscoverySettings = Pick<ClusterConfig, "origins" | "dnsServer">;

/** One name, and what is known of it. */
interface Watch {
  readonly name: OriginName;
  /** The newest answer; empty before the first. */
  origins: readonly DiscoveredOrigin[];
  /** When that was given. */
  answeredMs: number;
  /** Why the newest question failed; empty when it did not. */
  error: string;
  cancel: CancelTimer;
  readonly abort: AbortController;
}

/** Between two questions for a name, in ms. The runtime does not say how long answers hold. */
const PERIOD_MS = 5_000;

/** As long as there is no answer. */
const FIRST_PERIOD_MS = 500;

/** Longest wait for an answer, in ms. */
const TIMEOUT_MS = 4_000;

/**
 * Keeps the servers that names in a list of origins stand for. Each name is asked for every 5 s.
 * One that cannot be resolved keeps its last answer.
 */
export class OriginDiscovery {
  readonly #options: OriginDiscoveryOptions;
  /** By the text of the name, in the order of the list. */
  #watches = new Map<string, Watch>();
  #settings: DiscoverySettings;
  #isRunning = false;

  constructor(settings: DiscoverySettings, options: OriginDiscoveryOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /** The list with names replaced by their servers, each address once. */
  get origins(): readonly (OriginAddress | DiscoveredOrigin)[] {
    const origins = new Map<string, OriginAddress | DiscoveredOrigin>();
    for (const entry of this.#settings.origins) {
      const servers = "discovery" in entry ? this.#serversOf(entry) : [entry];
      for (const server of servers) {
        const key = formatAddress(server);
        if (!origins.has(key)) origins.set(key, server);
      }
    }
    return [...origins.values()];
  }

  /** What is known of each name. */
  get reports(): readonly DiscoveryReport[] {
    const nowMs = this.#options.clock.now();
    return Array.from(this.#watches, ([name, { origins, answeredMs, error }]) => ({
      name,
      addresses: origins.map(formatAddress),
      ageMs: origins.length === 0 ? 0 : Math.round(nowMs - answeredMs),
      lastError: error,
    }));
  }

  /** Begins to ask. */
  start(): void {
    this.#isRunning = true;
    this.configure(this.#settings);
  }

  /** Applies another list. Names that stay keep their servers. */
  configure(settings: DiscoverySettings): void {
    this.#settings = settings;
    if (!this.#isRunning) return;
    const before = this.#watches;
    this.#watches = new Map();
    for (const entry of settings.origins) {
      if (!("discovery" in entry)) continue;
      const key = formatOrigin(entry);
      if (this.#watches.has(key)) continue;
      const watch = before.get(key) ?? this.#watch(entry);
      before.delete(key);
      this.#watches.set(key, watch);
    }
    for (const watch of before.values()) stop(watch);
  }

  /** Asks no more. */
  close(): void {
    this.#isRunning = false;
    for (const watch of this.#watches.values()) stop(watch);
    this.#watches.clear();
  }

  #serversOf(name: OriginName): readonly DiscoveredOrigin[] {
    return this.#watches.get(formatOrigin(name))?.origins ?? [];
  }

  #watch(name: OriginName): Watch {
    const watch: Watch = {
      ...{ name, origins: [], answeredMs: 0, error: "" },
      cancel: () => {},
      abort: new AbortController(),
    };
    void this.#ask(watch);
    return watch;
  }

  async #ask(watch: Watch): Promise<void> {
    const { clock, resolver } = this.#options;
    const timeout = new AbortController();
    const cancel = clock.after(TIMEOUT_MS, () => timeout.abort());
    const signal = AbortSignal.any([timeout.signal, watch.abort.signal]);
    try {
      const server = this.#settings.dnsServer;
      this.#onAnswer(watch, await lookUpName(watch.name, resolver, { server, signal }));
    } catch (error) {
      const reason = timeout.signal.aborted
        ? `no answer within ${TIMEOUT_MS} ms`
        : describeError(error);
      this.#onFailed(watch, reason);
    } finally {
      cancel();
    }
    if (watch.abort.signal.aborted) return;
    const periodMs = watch.origins.length === 0 ? FIRST_PERIOD_MS : PERIOD_MS;
    watch.cancel = clock.after(periodMs, () => void this.#ask(watch));
  }

  #onAnswer(watch: Watch, { origins, refused }: NameAnswer): void {
    if (watch.abort.signal.aborted) return;
    const { clock, logger, onChange } = this.#options;
    const before = watch.origins;
    const hadFailed = watch.error !== "";
    watch.answeredMs = clock.now();
    watch.error = "";
    if (hadFailed && before.length > 0) {
      logger.info("Name of origins resolved again", nameOf(watch));
    }
    if (JSON.stringify(before) === JSON.stringify(origins)) return;
    watch.origins = origins;
    logger.info("Origins of a name changed", {
      ...nameOf(watch),
      origins: origins.length,
      added: listNew(origins, before),
      removed: listNew(before, origins),
    });
    if (refused > 0) {
      logger.warning(
        `Addresses of a name ignored: at most ${MAX_ADDRESSES} are used, each once, and only ` +
          "addresses of single servers; check its DNS records",
        { ...nameOf(watch), ignored: refused },
      );
    }
    onChange();
  }

  /** Warns once until there is an answer again. */
  #onFailed(watch: Watch, reason: string): void {
    if (watch.abort.signal.aborted) return;
    const isFirst = watch.error === "";
    watch.error = reason;
    if (!isFirst) return;
    const what = watch.origins.length === 0
      ? "its streams wait for an answer"
      : "its last addresses are kept";
    this.#options.logger.warning(
      `Name of origins not resolved: ${what}; check the name and the name server`,
      { ...nameOf(watch), cause: reason },
    );
  }
}

/** Addresses named in a log line. */
const MAX_LISTED = 8;

function listNew(origins: readonly OriginAddress[], before: readonly OriginAddress[]): string {
  const known = new Set(before.map(formatAddress));
  const fresh = origins.map(formatAddress).filter((address) => !known.has(address));
  const rest = fresh.length > MAX_LISTED ? ` and ${fresh.length - MAX_LISTED} more` : "";
  return fresh.slice(0, MAX_LISTED).join(" ") + rest;
}

function nameOf({ name }: Watch): { readonly name: string } {
  return { name: formatOrigin(name) };
}

function stop({ cancel, abort }: Watch): void {
  abort.abort();
  cancel();
}
