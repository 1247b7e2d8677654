import type { OriginAddress } from "../config/config.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import { blameRequest, type PlayerRequests } from "./player_requests.ts";

/** Options of {@linkcode askInTurn}. */
interface AskOptions {
  readonly requests: PlayerRequests;
  readonly origin: OriginAddress;
  /** Asks the origin with one request. Rejects when another attempt is needed. */
  readonly ask: (request: StreamRequest) => Promise<void>;
  /** The origin refused a request, and is asked with another. */
  readonly onRefused: (error: unknown) => void;
  /** The origin has refused all requests. */
  readonly onNoneLeft: () => void;
  /** The stream is wanted no longer. */
  readonly isStopped: () => boolean;
}

/** No player that is connected has a request that the origin has not refused. */
export const NO_REQUEST = new Error("No player's request is left");

/**
 * Asks one origin with the requests of the players, one after the other while it refuses them.
 *
 * @throws {unknown} the error of the attempt for which no request is to blame, or of the last one;
 * {@linkcode NO_REQUEST} when there was none to begin with
 */
export async function askInTurn(options: AskOptions): Promise<void> {
  const { requests, origin, ask, onRefused, onNoneLeft, isStopped } = options;
  let error: unknown = NO_REQUEST;
  while (!isStopped()) {
    const request = requests.bestFor(origin);
    if (request === null) {
      onNoneLeft();
      throw error;
    }
    if (error !== NO_REQUEST) onRefused(error);
    try {
      return await ask(request);
    } catch (failure) {
      if (!blameRequest(requests, request, origin, failure)) throw failure;
      error = failure;
    }
  }
}
