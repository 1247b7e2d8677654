/**
 * One event loop's part of a process with several. Clients are spread over the loops by the kernel; a
 * stream has its home in one of them, the same for all, so that the process has one upstream per stream
 * and one place where publishers of a name meet.
 */

import type { Clock } from "../base/clock.ts";
import { hashText } from "../base/hash_text.ts";
import type { Hub } from "../hub/hub.ts";
import type { FlushWheel } from "../io/flush_wheel.ts";
import type { VhostService } from "../server/vhost_service.ts";
import type { BridgeEvent } from "./bridge_event.ts";
import { BridgeLink, type BridgePort } from "./bridge_link.ts";
import { BridgedVhost } from "./bridged_vhost.ts";
import { Guest } from "./guest.ts";
import { Home } from "./home.ts";

/** Options of {@linkcode Bridge}. */
export interface BridgeOptions {
  /** Number of this loop, from 0. */
  readonly index: number;
  /** How many loops there are. */
  readonly count: number;
  /** Size of the chunks written, in bytes; the same in all loops. */
  readonly chunkSize: number;
  /** When streams are copied to other loops. */
  readonly wheel: FlushWheel;
  readonly clock: Clock;
}

/** How long the other loops may take to say what they still have to say, in ms. */
const FAREWELL_MS = 1_000;

/** Another loop, seen from this one. */
interface Neighbour {
  readonly link: BridgeLink;
  /** For its players and publishers of streams that are at home here. */
  readonly home: Home;
  /** For ours of streams that are at home there. */
  readonly guest: Guest;
  hasSaidBye: boolean;
}

/** See the file comment. */
export class Bridge {
  readonly #options: BridgeOptions;
  /** Vhosts for the streams that are at home here, by name. */
  readonly #vhosts = new Map<string, VhostService>();
  readonly #neighbours = new Map<number, Neighbour>();
  #onBye: () => void = () => {};

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /**
   * The vhost that clients of this loop are served by.
   *
   * @param inner Serves the streams that are at home here.
   * @param copies Keeps the copies of the others.
   */
  wrap(inner: VhostService, copies: Hub): VhostService {
    this.#vhosts.set(inner.config.name, inner);
    return new BridgedVhost({
      inner,
      copies,
      guestFor: (vhost, name) => this.#guestFor(vhost, name),
    });
  }

  /** Meets loop `index`, or the one that took its place after it was lost. */
  connect(index: number, port: BridgePort): void {
    const { clock, chunkSize, wheel } = this.#options;
    const before = this.#neighbours.get(index);
    const link = new BridgeLink(port, clock, (event) => this.#handle(index, event));
    const home = new Home({ link, clock, wheel, vhosts: this.#vhosts });
    const guest = before?.guest ?? new Guest(link, chunkSize);
    this.#neighbours.set(index, { link, home, guest, hasSaidBye: false });
    before?.home.close();
    if (before !== undefined) guest.reconnect(link);
  }

  /**
   * Says what is left to say, and waits for what the others have left: publishers that have gone there end
   * their streams here.
   */
  async sayBye(): Promise<void> {
    for (const { link } of this.#neighbours.values()) {
      link.send({ type: "bye" });
      link.flush();
    }
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(FAREWELL_MS, resolve);
      this.#onBye = () => {
        if ([...this.#neighbours.values()].some(({ hasSaidBye }) => !hasSaidBye)) return;
        cancel();
        resolve();
      };
      this.#onBye();
    });
  }

  /** Says and hears nothing more. */
  close(): void {
    for (const { link, home } of this.#neighbours.values()) {
      home.close();
      link.close();
    }
  }

  #handle(index: number, event: BridgeEvent): void {
    const neighbour = this.#neighbours.get(index)!;
    switch (event.type) {
      case "bye":
        neighbour.hasSaidBye = true;
        return this.#onBye();
      case "play":
      case "leave":
      case "publish":
      case "media":
      case "depart":
        return neighbour.home.handle(event);
      default:
        return neighbour.guest.handle(event);
    }
  }

  /** Null when the stream is at home here. Rendezvous is not needed: the loops do not change. */
  #guestFor(vhost: string, name: string): Guest | null {
    const { index, count } = this.#options;
    const home = hashText(`${vhost}/${name}`) % count;
    return home === index ? null : this.#neighbours.get(home)!.guest;
  }
}
