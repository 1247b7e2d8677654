import type { PlayConfig } from "../config/config.ts";

/** What to do about a client. */
type PingAdvice = "wait" | "ping" | "close";

/** Knows when a client was last heard, and whether a silent one answers a ping. Any byte counts. */
export class PingWatch {
  #lastHeardMs: number;
  /** When the ping was sent that the client has not answered, or -1. */
  #pingSentMs = -1;

  #onAlive = new Set<() => void>();

  constructor(nowMs: number) {
    this.#lastHeardMs = Math.floor(nowMs);
  }

  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** Bytes arrived from the client. */
  onHeard(nowMs: number): void {
    // Rounded: a fraction would be a new heap number for every read.
    this.#lastHeardMs = Math.floor(nowMs);
    this.#pingSentMs = -1;
    if (this.#onAlive.size === 0) return;
    const waiting = this.#onAlive;
    this.#onAlive = new Set();
    for (const onAlive of waiting) onAlive();
  }

  /** Calls `onAlive` when the client is heard next. @returns cancels */
  expect(onAlive: () => void): () => void {
    this.#onAlive.add(onAlive);
    return () => void this.#onAlive.delete(onAlive);
  }

  /**
   * @param readUntilMs All that the client had sent until then was read.
   * @returns what to do now; after "ping" it expects the ping to be sent.
   */
  check(
    readUntilMs: number,
    nowMs: number,
    { pingIntervalMs, pingTimeoutMs }: PlayConfig,
  ): PingAdvice {
    if (this.#pingSentMs >= 0) {
      return readUntilMs - this.#pingSentMs >= pingTimeoutMs ? "close" : "wait";
    }
    if (readUntilMs - this.#lastHeardMs < pingIntervalMs) return "wait";
    this.#pingSentMs = nowMs;
    return "ping";
  }
}
