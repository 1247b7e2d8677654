/** The way to another event loop of the process: events are gathered for a moment and go over together. */

import type { Clock } from "../base/clock.ts";
import type { BridgeEvent } from "./bridge_event.ts";

/** How long events are gathered, in ms: a message between loops costs more than what is in it. */
const GATHER_MS = 5;

/** One end of a channel; a `MessagePort` is one. */
export interface BridgePort {
  /** What is posted is copied. */
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

/** See the file comment. */
export class BridgeLink {
  readonly #port: BridgePort;
  readonly #clock: Clock;
  #events: BridgeEvent[] = [];
  #isClosed = false;

  /** @param onEvent Takes what the other loop says, in the order in which it was said. */
  constructor(port: BridgePort, clock: Clock, onEvent: (event: BridgeEvent) => void) {
    this.#port = port;
    this.#clock = clock;
    port.onmessage = ({ data }) => {
      for (const event of data as readonly BridgeEvent[]) onEvent(event);
    };
  }

  /** Says `event` to the other loop, soon. Its bytes must not change. */
  send(event: BridgeEvent): void {
    if (this.#isClosed) return;
    this.#events.push(event);
    if (this.#events.length === 1) this.#clock.after(GATHER_MS, () => this.flush());
  }

  /** Says what was gathered, now. */
  flush(): void {
    if (this.#events.length === 0 || this.#isClosed) return;
    const events = this.#events;
    this.#events = [];
    this.#port.postMessage(events);
  }

  /** Says and hears nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#port.close();
  }
}
