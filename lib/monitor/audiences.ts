/** Clients by the stream they came for. */

import type { ClientReport } from "../server/client_report.ts";

/** The clients of one stream. */
export interface Audience {
  /** Those that play it or wait for it. */
  readonly players: number;
  /** Bytes that they were sent. */
  readonly sentBytes: number;
  /** The client that publishes it, or empty. */
  readonly publisherId: string;
}

const NOBODY: Audience = { players: 0, sentBytes: 0, publisherId: "" };

/** See the file comment. */
export class Audiences {
  /** By vhost, then by stream: one key of both would be a new text for each client. */
  readonly #vhosts = new Map<string, Map<string, Audience>>();

  constructor(clients: readonly ClientReport[]) {
    for (const client of clients) this.#add(client);
  }

  of(vhost: string, stream: string): Audience {
    return this.#vhosts.get(vhost)?.get(stream) ?? NOBODY;
  }

  /** Bytes that all players of a vhost were sent. */
  sentBytesIn(vhost: string): number {
    let sum = 0;
    for (const { sentBytes } of this.#vhosts.get(vhost)?.values() ?? []) sum += sentBytes;
    return sum;
  }

  #add({ id, vhost, stream, type, sentBytes }: ClientReport): void {
    const streams = this.#vhosts.get(vhost) ?? new Map<string, Audience>();
    this.#vhosts.set(vhost, streams);
    const present = streams.get(stream) ?? NOBODY;
    streams.set(
      stream,
      type === "fmle-publish"
        ? { ...present, publisherId: id }
        : { ...present, players: present.players + 1, sentBytes: present.sentBytes + sentBytes },
    );
  }
}
