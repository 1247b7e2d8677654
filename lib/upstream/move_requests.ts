import type { OriginAddress } from "../config/config.ts";
import { MOVE_PERIOD_MS } from "./upstream_link.ts";

/**
 * The requests of origins to be left by one stream. However many there are, one counts in
 * {@linkcode MOVE_PERIOD_MS}.
 */
export class MoveRequests<Connection> {
  #newest: { readonly connection: Connection; readonly to: OriginAddress | null } | null = null;
  #earliestMs = -Infinity;

  /** The origin at the other end of `connection` asks to be left, for `to` or for any other. */
  add(connection: Connection, to: OriginAddress | null): void {
    this.#newest = { connection, to };
  }

  /** Returns where to move from `connection` now; null when it need not be left, or not yet. */
  take(connection: Connection, nowMs: number): { readonly to: OriginAddress | null } | null {
    const request = this.#newest;
    if (request?.connection !== connection || nowMs < this.#earliestMs) return null;
    this.#newest = null;
    this.#earliestMs = nowMs + MOVE_PERIOD_MS;
    return request;
  }
}
