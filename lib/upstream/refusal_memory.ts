import type { Clock } from "../base/clock.ts";
import type { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { formatAddress } from "../io/address.ts";
import { StatusCode } from "../rtmp/constants.ts";

/** How long an answer is remembered. */
const MEMORY_MS = 1_000;

/**
 * Remembers for a second what origins refused to play, so that clients who ask again and again, or
 * one after the other, make an edge ask once a second.
 */
export class RefusalMemory {
  readonly #clock: Pick<Clock, "now">;
  /** When each answer is forgotten; oldest first. */
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** The server at `address` refused `request` with a status. */
  note(address: OriginAddress, request: StreamRequest, { statusCode }: UpstreamError): void {
    const nowMs = this.#clock.now();
    for (const [key, untilMs] of this.#untilMs) {
      if (untilMs > nowMs) break;
      this.#untilMs.delete(key);
    }
    const isMissing = statusCode === StatusCode.PLAY_STREAM_NOT_FOUND;
    const key = isMissing ? keyOf(address, request.name) : keyOf(address, whole(request));
    this.#untilMs.delete(key);
    this.#untilMs.set(key, nowMs + MEMORY_MS);
  }

  /** Returns how long the server is not to be asked for this, in ms; 0 when it may be asked. */
  remainingMs(address: OriginAddress, request: StreamRequest): number {
    const untilMs = Math.max(
      this.#untilMs.get(keyOf(address, request.name)) ?? 0,
      this.#untilMs.get(keyOf(address, whole(request))) ?? 0,
    );
    return Math.max(0, untilMs - this.#clock.now());
  }
}

/** Other parameters may get another answer. A name contains no `#`. */
function whole({ name, url: { params } }: StreamRequest): string {
  return `${name}#${params}`;
}

function keyOf(address: OriginAddress, asked: string): string {
  return `${formatAddress(address)} ${asked}`;
}
