import { UpstreamError } from "../base/errors.ts";
import type { OriginAddress } from "../config/config.ts";
import { isMissing } from "./stream_places.ts";
import type { UpstreamKind } from "./upstream_snapshot.ts";

/**
 * Says at which level a failure of an origin is logged. All streams of a vhost share it: an origin
 * that is down is one warning, not one per stream and attempt.
 */
export class OriginFailureLog {
  /** What was warned of since the origin last worked. */
  readonly #warned = new Map<OriginAddress, Set<string>>();

  /** Returns the level of the line about a failure, which must follow. */
  levelOf(
    kind: UpstreamKind,
    origin: OriginAddress,
    error: unknown,
  ): "warning" | "info" | "debug" {
    const { phase, statusCode } = error instanceof UpstreamError
      ? error
      : { phase: "", statusCode: "" };
    // A name that no one publishes, or no longer, is no matter of the origin.
    if (kind === "pull" && isMissing(error)) return "info";
    const failure = `${kind} ${phase} ${statusCode}`;
    const failures = this.#warned.get(origin) ?? new Set();
    this.#warned.set(origin, failures);
    if (failures.has(failure)) return "debug";
    failures.add(failure);
    return "warning";
  }

  /** A stream flows from or to the origin: its next failure is news. */
  works(origin: OriginAddress): void {
    this.#warned.delete(origin);
  }
}
