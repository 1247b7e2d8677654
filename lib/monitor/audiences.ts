import type { ClientReport } from "../server/client_report.ts";

/** The clients of one stream. */
interface Audience {
  /** Clients that play it or wait for it. */
  readonly players: number;
  /** Bytes sent to them. */
  readonly sentBytes: number;
  /** Id of the client that publishes it, or empty. */
  readonly publisherId: string;
  /** Id of the client that stands by for that one, or empty. */
  readonly reserveId: string;
}

const NO_AUDIENCE: Audience = { players: 0, sentBytes: 0, publisherId: "", reserveId: "" };

/** Clients grouped by the stream they play or publish. */
export class Audiences {
  /** By vhost, then by stream: a combined key would allocate a string per client. */
  readonly #vhosts = new Map<string, Map<string, Audience>>();

  /** Viewers of HLS are left out: see `hls_viewers.ts`. */
  constructor(clients: readonly ClientReport[]) {
    for (const client of clients) {
      if (client.type !== "hls-play") this.#add(client);
    }
  }

  /** Returns the clients of `app/stream`. */
  of(vhost: string, stream: string): Audience {
    return this.#vhosts.get(vhost)?.get(stream) ?? NO_AUDIENCE;
  }

  /** Returns the bytes sent to all players of a vhost. */
  sentBytesIn(vhost: string): number {
    let sum = 0;
    for (const { sentBytes } of this.#vhosts.get(vhost)?.values() ?? []) sum += sentBytes;
    return sum;
  }

  #add({ id, vhost, stream, type, isReserve, sentBytes }: ClientReport): void {
    const streams = this.#vhosts.get(vhost) ?? new Map<string, Audience>();
    this.#vhosts.set(vhost, streams);
    const present = streams.get(stream) ?? NO_AUDIENCE;
    streams.set(
      stream,
      type === "fmle-publish"
        ? { ...present, ...(isReserve ? { reserveId: id } : { publisherId: id }) }
        : { ...present, players: present.players + 1, sentBytes: present.sentBytes + sentBytes },
    );
  }
}
