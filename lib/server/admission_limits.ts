import { Counts } from "../base/counts.ts";
import type { VhostConfig } from "../config/config.ts";
import type { StreamAction } from "./access_rules.ts";

/** Settings that are not those of a vhost. */
interface AdmissionLimitSettings {
  /** Most connections of one IP address; 0 for no limit. */
  readonly maxConnectionsPerIp: number;
}

/** A client and the stream that it is about to use. */
interface Entrant {
  readonly action: StreamAction;
  readonly config: VhostConfig;
  /** `app/stream`. */
  readonly name: string;
  /** IP address without port. */
  readonly ip: string;
}

/** A place that a client was given. */
export interface Place {
  readonly action: StreamAction;
  readonly vhost: string;
  /** `app/stream`. */
  readonly name: string;
  /** Null where players are not counted by address: thousands of entries would be for nothing. */
  readonly ip: string | null;
}

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
 * of their address. Limits that change apply to new clients; those by address count from then on.
 */
export class AdmissionLimits {
  readonly #connections = new Counts<string>();
  /** By name. */
  readonly #vhosts = new Map<string, VhostUse>();
  #settings: AdmissionLimitSettings = { maxConnectionsPerIp: 0 };

  configure(settings: AdmissionLimitSettings): void {
    this.#settings = settings;
  }

  /** Adds a connection. @returns whether it counts, or why the client is refused. */
  connect(ip: string): string | boolean {
    const { maxConnectionsPerIp: limit } = this.#settings;
    if (limit === 0) return false;
    if (this.#connections.of(ip) >= limit) {
      return `At most ${limit} connections from one address (max_connections_per_ip)`;
    }
    this.#connections.add(ip);
    return true;
  }

  /** Removes a connection that counts. */
  disconnect(ip: string): void {
    this.#connections.remove(ip);
  }

  /** Adds a player or publisher. @returns its place, or why the client is refused. */
  enter(entrant: Entrant): Place | string {
    const { action, config, name } = entrant;
    const vhost = config.name;
    let use = this.#vhosts.get(vhost);
    if (use === undefined) this.#vhosts.set(vhost, use = new VhostUse());
    const objection = objectionTo(entrant, use);
    if (objection !== null) return objection;
    const isIpCounted = action === "play" && config.play.maxPlayersPerIp > 0;
    const ip = isIpCounted ? entrant.ip : null;
    use.streams.add(name);
    (action === "play" ? use.players : use.publishers).add(name);
    if (ip !== null) use.playerIps.add(ip);
    return { action, vhost, name, ip };
  }

  /** Gives a place back. */
  leave({ action, vhost, name, ip }: Place): void {
    const use = this.#vhosts.get(vhost)!;
    use.streams.remove(name);
    (action === "play" ? use.players : use.publishers).remove(name);
    if (ip !== null) use.playerIps.remove(ip);
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
