import { Counts } from "../base/counts.ts";
import type { VhostConfig } from "../config/config.ts";
import type { StreamAction } from "./access_rules.ts";

/** Settings that are not those of a vhost. */
interface AdmissionLimitSettings {
  /** Most connections of one IP address; 0 for no limit. */
  readonly maxConnectionsPerIp: number;
}

/** A client and the stream that it is about to use. */
export interface Entrant {
  readonly action: StreamAction;
  readonly config: VhostConfig;
  /** `app/stream`. */
  readonly name: string;
  /** IP address without port. */
  readonly ip: string;
}

/** A place that was given to a client. */
type Leave = () => void;

/** Who uses a vhost. */
class VhostUse {
  /** Players by stream, */
  readonly players = new Counts<string>();
  /** and by address. */
  readonly playerIps = new Counts<string>();
  /** Publishers by stream: two for a moment, when one returns. */
  readonly publishers = new Counts<string>();
  /** Clients by stream. */
  readonly streams = new Counts<string>();
}

/**
 * Counts the clients that the gate has let in, and refuses those beyond the limits of the vhost and
 * of their address. Limits that change apply to new clients.
 */
export class AdmissionLimits {
  readonly #connections = new Counts<string>();
  /** By name. */
  readonly #vhosts = new Map<string, VhostUse>();
  #settings: AdmissionLimitSettings = { maxConnectionsPerIp: 0 };

  configure(settings: AdmissionLimitSettings): void {
    this.#settings = settings;
  }

  /** Adds a connection. @returns how to remove it, or why the client is refused. */
  connect(ip: string): Leave | string {
    const { maxConnectionsPerIp: limit } = this.#settings;
    if (limit > 0 && this.#connections.of(ip) >= limit) {
      return `At most ${limit} connections from one address (max_connections_per_ip)`;
    }
    this.#connections.add(ip);
    return () => this.#connections.remove(ip);
  }

  /** Adds a player or publisher. @returns how to remove it, or why the client is refused. */
  enter(entrant: Entrant): Leave | string {
    const { config: { name: vhost }, name, ip } = entrant;
    let use = this.#vhosts.get(vhost);
    if (use === undefined) this.#vhosts.set(vhost, use = new VhostUse());
    const objection = objectionTo(entrant, use);
    if (objection !== null) return objection;
    const { streams, players, playerIps, publishers } = use;
    const isPlayer = entrant.action === "play";
    streams.add(name);
    if (isPlayer) playerIps.add(ip);
    (isPlayer ? players : publishers).add(name);
    return () => {
      streams.remove(name);
      if (isPlayer) playerIps.remove(ip);
      (isPlayer ? players : publishers).remove(name);
    };
  }
}

function objectionTo({ action, config, name, ip }: Entrant, use: VhostUse): string | null {
  const { play, publish, maxStreams } = config;
  const isFull = (count: number, limit: number) => limit > 0 && count >= limit;
  if (use.streams.of(name) === 0 && isFull(use.streams.size, maxStreams)) {
    return `At most ${maxStreams} streams at a time (max_streams)`;
  }
  if (action === "publish") {
    const { maxPublishers: limit } = publish;
    if (use.publishers.of(name) > 0 || !isFull(use.publishers.size, limit)) return null;
    return `At most ${limit} publishers at a time (publish.max_publishers)`;
  }
  if (isFull(use.players.of(name), play.maxPlayersPerStream)) {
    const limit = play.maxPlayersPerStream;
    return `At most ${limit} players of one stream (play.max_players_per_stream)`;
  }
  if (isFull(use.playerIps.of(ip), play.maxPlayersPerIp)) {
    return `At most ${play.maxPlayersPerIp} players from one address (play.max_players_per_ip)`;
  }
  return null;
}
