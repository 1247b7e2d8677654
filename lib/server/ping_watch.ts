import type { PlayConfig } from "../config/config.ts";

/** What to do about a client. */
type PingAdvice = "wait" | "ping" | "close";

/** Knows when a client was last heard, and whether a silent one answers a ping. Any byte counts. */
export class PingWatch {
  #lastHeardMs: number;
  /** When the ping was sent that the client has not answered, or -1. */
  #pingSentMs = -1;

  #onAlive: (() => void) | null = null;

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
    const onAlive = this.#onAlive;
    if (onAlive === null) return;
    this.#onAlive = null;
    onAlive();
  }

  /** Calls `onAlive` when the client is heard next. @returns cancels */
  expect(onAlive: () => void): () => void {
    this.#onAlive = onAlive;
    return () => {
      if (this.#onAlive === onAlive) this.#onAlive = null;
    };
  }

  /** @returns what to do now; after "ping" it expects the ping to be sent. */
  check(nowMs: number, { pingIntervalMs, pingTimeoutMs }: PlayConfig): PingAdvice {
    if (this.#pingSentMs >= 0) {
      return nowMs - this.#pingSentMs >= pingTimeoutMs ? "close" : "wait";
    }
    if (nowMs - this.#lastHeardMs < pingIntervalMs) return "wait";
    this.#pingSentMs = nowMs;
    return "ping";
  }
}
