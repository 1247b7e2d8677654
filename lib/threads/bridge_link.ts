import type { Clock } from "../base/clock.ts";
import type { BridgeEvent } from "./bridge_event.ts";

/** How long events are collected, in ms: posting a message costs more than what is in it. */
const COLLECT_MS = 5;

/** One end of a channel. A `MessagePort` is one. */
export interface BridgePort {
  /** Posts a copy of `message`. */
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

/** The link to another worker of the process. Collects events briefly and posts them together. */
export class BridgeLink {
  readonly #port: BridgePort;
  readonly #clock: Clock;
  #events: BridgeEvent[] = [];
  #isClosed = false;

  /** @param onEvent Receives the other worker's events in the order they were sent. */
  constructor(port: BridgePort, clock: Clock, onEvent: (event: BridgeEvent) => void) {
    this.#port = port;
    this.#clock = clock;
    port.onmessage = ({ data }) => {
      for (const event of data as readonly BridgeEvent[]) onEvent(event);
    };
  }

  /** Sends `event` soon. Its bytes must not change. No effect once closed. */
  send(event: BridgeEvent): void {
    if (this.#isClosed) return;
    this.#events.push(event);
    if (this.#events.length === 1) this.#clock.after(COLLECT_MS, () => this.flush());
  }

  /** Posts the collected events now. */
  flush(): void {
    if (this.#events.length === 0 || this.#isClosed) return;
    const events = this.#events;
    this.#events = [];
    this.#port.postMessage(events);
  }

  /** Drops what was collected; nothing is sent or received afterwards. */
  close(): void {
    this.#isClosed = true;
    this.#port.close();
  }
}
