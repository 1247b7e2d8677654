import { type CancelTimer, checkAfter, type Clock } from "../base/clock.ts";
import { quotePeerText } from "../base/text.ts";
import { StatusCode } from "../rtmp/constants.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { ClientCheck, PublishAnswer } from "./vhost_service.ts";

/**
 * How long a publisher may take for a sign of life, in ms. It covers a retransmission over a long
 * distance, and a returning publisher waits no longer for its old connection.
 */
const PROBE_MS = 1_500;

/** Receives whether the newcomer may have the name. */
type OnRoom = (hasRoom: boolean) => void;

/**
 * Finds out whether the present publisher of a name is alive, for newcomers who want the name. One
 * that gives a sign of life keeps it. A connection that broke without a FIN gives none: its
 * publisher has probably returned as the newcomer. One that was asked to move gives way at once.
 */
export class TakeoverProbe {
  readonly #clock: Clock;
  readonly #publisher: PublishAnswer;
  readonly #onDead: () => void;
  readonly #waiting = new Set<OnRoom>();
  #cancels: readonly CancelTimer[] = [];

  /** @param onDead Frees the name. Called before the newcomers get their answer. */
  constructor(clock: Clock, publisher: PublishAnswer, onDead: () => void) {
    this.#clock = clock;
    this.#publisher = publisher;
    this.#onDead = onDead;
  }

  /** Adds a newcomer. `onRoom` is called once, later, unless cancelled. */
  wait(onRoom: OnRoom): ClientCheck {
    this.#waiting.add(onRoom);
    if (this.#cancels.length === 0) this.#start();
    return {
      cancel: () => {
        this.#waiting.delete(onRoom);
        if (this.#waiting.size === 0) this.#stop();
      },
    };
  }

  /** Answers all newcomers: the first of them gets the name if there is room. */
  settle(hasRoom: boolean): void {
    this.#stop();
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    waiting.forEach((onRoom, index) => onRoom(hasRoom && index === 0));
  }

  #start(): void {
    const yieldName = () => {
      this.#onDead();
      this.settle(true);
    };
    this.#cancels = [
      this.#publisher.probe(() => this.settle(false), yieldName),
      checkAfter(this.#clock, PROBE_MS, yieldName),
    ];
  }

  #stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
  }
}

/**
 * Closes a publisher whose stream has come over another connection, once it sends nothing more. It
 * sends for a while: its edge leaves it when the other connection has caught up.
 *
 * @returns cancels, when the publisher has left
 */
export function dismissWhenSilent(clock: Clock, publisher: PublishAnswer): CancelTimer {
  let cancels: readonly CancelTimer[] = [];
  const stop = () => {
    for (const cancel of cancels) cancel();
  };
  const listen = () => {
    let isAlive = false;
    const onAlive = () => {
      isAlive = true;
    };
    cancels = [
      publisher.probe(onAlive),
      checkAfter(clock, PROBE_MS, () => {
        stop();
        if (isAlive) return listen();
        publisher.onReplaced();
      }),
    ];
  };
  listen();
  return stop;
}

/** The refusal of a new publisher that does not get the stream. */
export function refuseBusy(name: string): Refusal {
  return {
    code: StatusCode.PUBLISH_BAD_NAME,
    description: `Stream ${quotePeerText(name)} already has a publisher`,
  };
}
