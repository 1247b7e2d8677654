import { describeError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/config.ts";

/**
 * File descriptors kept free of clients: for listeners, connections to origins, HTTP callbacks and
 * files. SRS reserves as many.
 */
const RESERVED = 128;

/** Settings that fit the descriptors. */
export interface FittedConfig extends Config {
  /** Connections beyond `maxConnections` for the API; 0 when absent. */
  readonly apiReserve?: number;
}

/** How many clients the process' limit of open files permits. */
interface ClientCapacity {
  /** Most clients, 1 or more; `max_connections` unless there are too few descriptors. */
  readonly maxConnections: number;
  /** Clients of the API beyond that, so that it answers when other clients fill the server. */
  readonly apiReserve: number;
}

/** Options of {@linkcode fitDescriptors}. */
interface FitOptions {
  /** Descriptors that clients have already; 0 by default. */
  readonly inUse?: number;
  /** Returns how many files can be opened, up to a number; replaced by tests. */
  readonly countFree?: (wanted: number) => number;
}

/**
 * Returns `config` with as many connections as the process can open, and warns if it has fewer. It
 * holds up the server for about 10 ms per 1,000 connections.
 */
export function fitDescriptors(
  config: Config,
  logger: Logger,
  { inUse = 0, countFree = countFreeDescriptors }: FitOptions = {},
): FittedConfig {
  const wanted = config.maxConnections + RESERVED;
  const free = inUse + countFree(Math.max(0, wanted - inUse));
  const { maxConnections, apiReserve } = shareDescriptors(config.maxConnections, free);
  if (maxConnections < config.maxConnections) {
    logger.warning(
      `max_connections ${config.maxConnections} is too high: there are ${free} file descriptors`,
      {
        limit: maxConnections,
        fix: `raise the limit of open files (ulimit -n, LimitNOFILE of systemd) to ` +
          `${wanted + RESERVED}, or lower max_connections`,
      },
    );
  }
  return { ...config, maxConnections, apiReserve };
}

/** Divides `free` descriptors among `wanted` clients and what the server opens by itself. Pure. */
function shareDescriptors(wanted: number, free: number): ClientCapacity {
  if (free >= wanted + RESERVED) return { maxConnections: wanted, apiReserve: 0 };
  const reserved = Math.min(RESERVED, Math.floor(free / 2));
  return {
    maxConnections: Math.max(1, Math.min(wanted, free - reserved)),
    apiReserve: Math.floor(reserved / 4),
  };
}

/**
 * Returns how many files can be opened in addition, up to `wanted`. Opens them: only programs that
 * may read everything can read the limit itself. 10,000 take a tenth of a second.
 */
function countFreeDescriptors(wanted: number): number {
  const files: Deno.FsFile[] = [];
  try {
    while (files.length < wanted) files.push(Deno.openSync("/dev/null"));
  } catch (error) {
    // Otherwise it may not be opened, or there is none.
    if (!/os error 2[34]\b/.test(describeError(error))) return wanted;
  } finally {
    for (const file of files) file.close();
  }
  return files.length;
}
