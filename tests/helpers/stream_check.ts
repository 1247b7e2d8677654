import type { MediaMessage } from "./rtmp_client.ts";

/**
 * Compares what a player receives with what was published, message by message and without storing
 * it. The expected messages are those from the player's first one on.
 */
export class StreamCheck {
  readonly #expected: readonly MediaMessage[];
  #count = 0;
  #mismatch: string | null = null;

  constructor(expected: readonly MediaMessage[]) {
    this.#expected = expected;
  }

  /** Messages received. */
  get count(): number {
    return this.#count;
  }

  /** The first fault, or null: type, time or bytes of a message, or a message too many. */
  get mismatch(): string | null {
    return this.#mismatch;
  }

  /** Checks the next message. */
  accept(message: MediaMessage): void {
    const index = this.#count++;
    this.#mismatch ??= describeDifference(message, this.#expected[index], index);
  }
}

function describeDifference(
  got: MediaMessage,
  expected: MediaMessage | undefined,
  index: number,
): string | null {
  if (expected === undefined) return `message ${index} was never published`;
  if (got.typeId !== expected.typeId) {
    return `message ${index} has type ${got.typeId} instead of ${expected.typeId}`;
  }
  if (got.timestampMs !== expected.timestampMs) {
    return `message ${index} has time ${got.timestampMs} instead of ${expected.timestampMs}`;
  }
  return isEqual(got.payload, expected.payload) ? null : `message ${index} has other bytes`;
}

/** A plain loop, because hundreds of players compare megabytes each. */
function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) {
    if (left[at] !== right[at]) return false;
  }
  return true;
}
