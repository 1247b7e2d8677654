import type { Clock } from "../base/clock.ts";
import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { formatAddress } from "../io/address.ts";
import { StatusCode } from "../rtmp/constants.ts";

/**
 * What is known of a stream at an origin. `missing`: the origin said so, or accepted the play and
 * sent nothing. `slow`: another one had it first. `refused`: it refused what a player asked with.
 */
type PlaceState = "carried" | "missing" | "slow" | "refused";

/** What an origin said or did, and when. */
interface Place {
  readonly state: PlaceState;
  readonly atMs: number;
}

/** How long it is remembered, in ms: a stream that moves to another origin is found again soon. */
const MEMORY_MS = 30_000;

/** An answer that is older, in ms, does not tell what an origin has now. */
const FRESH_MS = 2_000;

/** Streams times origins that are remembered. */
const MAX_PLACES = 10_000;

/**
 * Remembers which origins of a vhost carry a stream and which do not, so that the next player's
 * pull begins where the stream is.
 */
export class StreamPlaces {
  readonly #clock: Pick<Clock, "now">;
  /** By origin and stream, oldest first. */
  readonly #places = new Map<string, Place>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Notes what an origin said or did about stream `name`. */
  note(origin: OriginAddress, name: string, state: PlaceState): void {
    const key = keyOf(origin, name);
    this.#places.delete(key);
    this.#places.set(key, { state, atMs: this.#clock.now() });
    if (this.#places.size <= MAX_PLACES) return;
    this.#places.delete(this.#places.keys().next().value!);
  }

  /** Returns what was noted in the last `maxAgeMs`; null for nothing. */
  find(origin: OriginAddress, name: string, maxAgeMs = MEMORY_MS): Place | null {
    const place = this.#places.get(keyOf(origin, name));
    return place === undefined || this.#clock.now() - place.atMs > maxAgeMs ? null : place;
  }

  /** Notes what the end of a play says of the stream, if anything. */
  noteFailure(origin: OriginAddress, name: string, error: unknown): void {
    if (isMissing(error)) this.note(origin, name, "missing");
  }

  /** Whether the stream was sought there in vain lately: others come first. */
  lacks(origin: OriginAddress, name: string): boolean {
    const place = this.find(origin, name);
    return place !== null && place.state !== "carried";
  }

  /** Whether all of `origins` said just now that they do not have the stream. */
  isMissing(origins: readonly OriginAddress[], name: string): boolean {
    const sinceMs = this.#clock.now() - FRESH_MS;
    return origins.every((origin) => {
      const place = this.find(origin, name);
      return place?.state === "missing" && place.atMs >= sinceMs;
    });
  }
}

/**
 * Whether the end of a play says that the server works and has no such stream, or no longer: it
 * said so, or kept the play waiting for a publisher.
 */
export function isMissing(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  const { statusCode, phase } = error;
  return statusCode === StatusCode.PLAY_STREAM_NOT_FOUND ||
    statusCode === StatusCode.PLAY_UNPUBLISH_NOTIFY || (statusCode === "" && phase === "play");
}

function keyOf(origin: OriginAddress, name: string): string {
  return `${formatAddress(origin)} ${name}`;
}
