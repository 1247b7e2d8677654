import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Network, Transport } from "./transport.ts";

/** Longest time that work may continue without a poll of the sockets, in ms. */
const POLL_EVERY_MS = 4;

/** A connection within the machine opens at once or never. */
const OPEN_TIMEOUT_MS = 1_000;

const LOOPBACK = "127.0.0.1";
const BYTE = new Uint8Array(1);

/**
 * A clock whose `yield` guarantees that sockets are polled before work resumes.
 *
 * The runtime polls sockets when it has nothing else to do, and otherwise every 61 turns (measured
 * with Deno 2.7.11 and 2.9.6). Work that continues with `setImmediate` always gives it something to
 * do: while 2,000 players joined at once, nothing was read from an origin for more than a second.
 *
 * So `yield` sends a byte over a loopback connection to ourselves and waits for it. Until it
 * arrives there is nothing to do, and the runtime polls all sockets. This costs about 25 µs, so it
 * is skipped when the last poll was recent. What arrives is read in its order, so the byte also
 * tells that everything before it was read.
 */
export class FairClock implements Clock, Disposable {
  readonly #clock: Clock;
  #loop: Loopback | null;
  #waiting: (() => void)[] = [];
  /** When the byte under way was sent, and the newest one that arrived. */
  #sentMs = -Infinity;
  #polledMs = -Infinity;

  private constructor(clock: Clock, loop: Loopback | null) {
    this.#clock = clock;
    this.#loop = loop;
  }

  /** Connects to itself. Where that is not possible, `yield` does what `clock.yield` does. */
  static async open(network: Network, clock: Clock): Promise<FairClock> {
    const loop = await connectToSelf(network, clock).catch(() => null);
    const fair = new FairClock(clock, loop);
    if (loop !== null) void fair.#receive(loop);
    return fair;
  }

  now(): number {
    return this.#clock.now();
  }

  after(delayMs: number, run: () => void): CancelTimer {
    return this.#clock.after(delayMs, run);
  }

  yield(run: () => void): void {
    const isRecent = this.#clock.now() - this.#polledMs < POLL_EVERY_MS;
    if (isRecent) this.#clock.yield(run);
    else this.#afterByte(run);
  }

  afterReads(run: () => void): void {
    // A byte under way was sent before this call.
    const isUnderWay = this.#waiting.length > 0;
    this.#afterByte(isUnderWay ? () => this.#afterByte(run) : run);
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** One byte serves everything that waits. */
  #afterByte(run: () => void): void {
    if (this.#loop === null) return this.#clock.yield(run);
    if (this.#waiting.push(run) > 1) return;
    this.#sentMs = this.#clock.now();
    this.#loop.near.write(BYTE).catch(() => this.#close());
  }

  async #receive({ far }: Loopback): Promise<void> {
    const buffer = new Uint8Array(1);
    try {
      while (await far.read(buffer) !== null) this.#resume();
    } catch {
      // Closed: what waits continues without a poll.
    }
    this.#close();
  }

  #resume(): void {
    // Not the time now: with much to read, the byte had to wait for its turn.
    this.#polledMs = this.#sentMs;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const run of waiting) this.#clock.yield(run);
  }

  #close(): void {
    const loop = this.#loop;
    if (loop === null) return;
    this.#loop = null;
    loop.near.close();
    loop.far.close();
    this.#resume();
  }
}

/** Both ends of a connection to ourselves. */
interface Loopback {
  readonly near: Transport;
  readonly far: Transport;
}

/** @throws when the machine has no loopback interface, or does not permit its use. */
async function connectToSelf(network: Network, clock: Clock): Promise<Loopback> {
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
