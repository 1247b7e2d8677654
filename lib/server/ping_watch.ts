/** When a client was heard last, and whether one that is silent answers a ping. */

import type { PlayConfig } from "../config/config.ts";

/** What is to be done about a client. */
export type PingAdvice = "wait" | "ping" | "give up";

/** See the file comment. Any byte is a sign of life. */
export class PingWatch {
  #lastHeardMs: number;
  /** When the ping was sent that the client has not answered, or -1. */
  #pingSentMs = -1;

  constructor(nowMs: number) {
    this.#lastHeardMs = nowMs;
  }

  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /** Something came from the client. */
  onHeard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
    this.#pingSentMs = -1;
  }

  /** Whoever gets the advice to ping is taken to do it. */
  check(nowMs: number, { pingIntervalMs, pingTimeoutMs }: PlayConfig): PingAdvice {
    if (this.#pingSentMs >= 0) {
      return nowMs - this.#pingSentMs >= pingTimeoutMs ? "give up" : "wait";
    }
    if (nowMs - this.#lastHeardMs < pingIntervalMs) return "wait";
    this.#pingSentMs = nowMs;
    return "ping";
  }
}
