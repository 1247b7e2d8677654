import { addressesOverlap } from "../config/address.ts";
import type { Config, ListenAddress, TlsConfig } from "../config/config.ts";
import { HttpListenError } from "../http/http_listen_error.ts";
import { formatAddress } from "../io/address.ts";
import type { NetAddress } from "../io/transport.ts";

/** Real addresses of the open listeners by configured ones, which differ for port 0. */
export interface OpenListeners {
  readonly rtmp: ReadonlyMap<string, NetAddress>;
  readonly http: ReadonlyMap<string, NetAddress>;
}

/** Real addresses of workers. */
export interface WorkerAddresses {
  readonly rtmp: readonly NetAddress[];
  readonly rtmps: readonly NetAddress[];
  /** Those of `http_server`. */
  readonly http: readonly NetAddress[];
  readonly https: readonly NetAddress[];
}

/** Returns the addresses in settings that {@linkcode prepareConfig} returned. */
export function addressesOf({ listen, rtmps, httpServer }: Config): WorkerAddresses {
  return {
    rtmp: listen,
    rtmps: listenOf(rtmps),
    http: listenOf(httpServer),
    https: listenOf(httpServer.https),
  };
}

function listenOf(
  { enabled, listen }: Pick<TlsConfig, "enabled" | "listen">,
): readonly ListenAddress[] {
  return enabled ? listen : [];
}

/** Settings for workers. All addresses can be listened on, and no port is 0. */
export interface PreparedConfig {
  readonly config: Config;
  /** The listeners when the settings are in force. */
  readonly open: OpenListeners;
}

/** Options of {@linkcode prepareConfig}. */
interface PrepareOptions {
  /** Number of workers. */
  readonly count: number;
  readonly open: OpenListeners;
  /** Another server listens on the same addresses, and will stop. */
  readonly isReplacing?: boolean;
}

/**
 * Returns `config` as each of `count` workers needs it: with real addresses and its share of the
 * connections. Tries to listen on the addresses that are not in `open`, and closes them again.
 *
 * @throws {HttpListenError} and what `Deno.listen` throws, when an address is in use or not
 * allowed.
 */
export function prepareConfig(
  config: Config,
  { count, open, isReplacing = false }: PrepareOptions,
): PreparedConfig {
  const { httpServer, rtmps, httpServer: { https } } = config;
  const take = (address: NetAddress) => address;
  const rtmp = resolveAll(
    [...config.listen, ...listenOf(rtmps)],
    open.rtmp,
    isReplacing ? take : probe,
  );
  const http = resolveAll(
    [...listenOf(httpServer), ...listenOf(https)],
    open.http,
    isReplacing ? take : probeHttp,
  );
  const real = (addresses: readonly ListenAddress[], by: OpenListeners["rtmp"]) => [
    ...new Set(addresses.map((address) => by.get(formatAddress(address)) ?? address)),
  ];
  return {
    open: { rtmp, http },
    config: {
      ...config,
      listen: real(config.listen, rtmp),
      rtmps: { ...rtmps, listen: real(rtmps.listen, rtmp) },
      httpServer: {
        ...httpServer,
        listen: real(httpServer.listen, http),
        https: { ...https, listen: real(https.listen, http) },
      },
      maxConnections: Math.ceil(config.maxConnections / count),
    },
  };
}

/**
 * Returns the real addresses by configured ones. Those in `open` stay as they are. An address that
 * overlaps with them is ours, so that it cannot be tried.
 */
function resolveAll(
  addresses: readonly ListenAddress[],
  open: ReadonlyMap<string, NetAddress>,
  resolve: (address: NetAddress) => NetAddress,
): ReadonlyMap<string, NetAddress> {
  return new Map(addresses.map((address) => {
    const key = formatAddress(address);
    const isOurs = [...open.values()].some((other) => addressesOverlap(other, address));
    return [key, open.get(key) ?? (isOurs ? address : resolve(address))];
  }));
}

/** @throws {HttpListenError} */
function probeHttp(address: NetAddress): NetAddress {
  try {
    return probe(address);
  } catch (error) {
    throw new HttpListenError(address, error);
  }
}

/**
 * Returns the address that `address` stands for, with port 0 replaced. The workers listen with
 * `SO_REUSEPORT`, which hides that another program uses the port. So this tries without it.
 */
function probe(address: NetAddress): NetAddress {
  const listener = Deno.listen({ ...address, transport: "tcp" });
  const { hostname, port } = listener.addr;
  listener.close();
  return { hostname, port };
}
