/**
 * A clock whose `yield` keeps its word: sockets get their turn before the work goes on.
 *
 * The runtime asks the kernel which sockets are ready when it has nothing else to do, and otherwise after
 * 61 turns (Deno 2.7.11 and 2.9.6, measured). Work that goes on with `setImmediate` gives it something to
 * do at once, so in a storm of joining players nothing was read from an origin for more than a second.
 * A byte sent to ourselves mends that: there is nothing to do until it comes, which is at once, and all
 * other sockets are looked at on the way. It costs about 25 µs, so it is sent when the last look was some
 * time ago.
 */

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Network, Transport } from "./transport.ts";

/** Work may go on for so long without a look at the sockets, in ms. */
const LOOK_EVERY_MS = 4;

/** A connection within the machine is there at once or never. */
const OPEN_TIMEOUT_MS = 1_000;

const LOOPBACK = "127.0.0.1";
const BYTE = new Uint8Array(1);

/** See the file comment. */
export class FairClock implements Clock, Disposable {
  readonly #clock: Clock;
  #wire: Wire | null;
  #waiting: (() => void)[] = [];
  #lookedMs = -Infinity;

  private constructor(clock: Clock, wire: Wire | null) {
    this.#clock = clock;
    this.#wire = wire;
    if (wire !== null) void this.#look(wire);
  }

  /** Connects to itself. Where that is not possible, `yield` does what that of `clock` does. */
  static async open(network: Network, clock: Clock): Promise<FairClock> {
    return new FairClock(clock, await connectToSelf(network, clock).catch(() => null));
  }

  now(): number {
    return this.#clock.now();
  }

  after(delayMs: number, run: () => void): CancelTimer {
    return this.#clock.after(delayMs, run);
  }

  yield(run: () => void): void {
    const isSoon = this.#clock.now() - this.#lookedMs < LOOK_EVERY_MS;
    if (this.#wire === null || isSoon) return this.#clock.yield(run);
    // One byte for all who wait.
    if (this.#waiting.push(run) === 1) this.#wire.near.write(BYTE).catch(() => this.#cut());
  }

  [Symbol.dispose](): void {
    this.#cut();
  }

  async #look({ far }: Wire): Promise<void> {
    const buffer = new Uint8Array(1);
    try {
      while (await far.read(buffer) !== null) this.#goOn();
    } catch {
      // Cut: what waits goes on without a look.
    }
    this.#cut();
  }

  #goOn(): void {
    this.#lookedMs = this.#clock.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) this.#clock.yield(run);
  }

  #cut(): void {
    const wire = this.#wire;
    if (wire === null) return;
    this.#wire = null;
    wire.near.close();
    wire.far.close();
    this.#goOn();
  }
}

/** A connection to ourselves. */
interface Wire {
  readonly near: Transport;
  readonly far: Transport;
}

/** @throws when the machine has no loopback, or does not let us use it */
async function connectToSelf(network: Network, clock: Clock): Promise<Wire> {
  const listener = network.listen({ hostname: LOOPBACK, port: 0 });
  const abort = new AbortController();
  const cancel = clock.after(OPEN_TIMEOUT_MS, () => {
    abort.abort();
    listener.close();
  });
  try {
    const address = { hostname: LOOPBACK, port: listener.port };
    const [near, far] = await Promise.all([
      network.connect(address, abort.signal),
      listener.accept(),
    ]);
    return { near, far };
  } finally {
    cancel();
    listener.close();
  }
}
