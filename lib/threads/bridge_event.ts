/**
 * What event loops of one process tell each other. Every stream has a home, the one loop that has its
 * publisher or its upstream; the others copy it from there for their players, and hand their publishers
 * over to it.
 */

import type { SourceChange } from "../hub/publisher.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { Departure } from "../server/vhost_service.ts";
import type { Refusal } from "../rtmp/status.ts";

/** To the home of a stream. `id` is chosen by whoever asks, and stands in all that follows. */
export type HomewardEvent =
  /** Somebody wants to play `request.name`, which is copied from now on. */
  | {
    readonly type: "play";
    readonly id: number;
    readonly vhost: string;
    readonly request: StreamRequest;
  }
  /** Nobody plays it any more. */
  | { readonly type: "leave"; readonly id: number }
  /** Somebody wants to publish. */
  | {
    readonly type: "publish";
    readonly id: number;
    readonly vhost: string;
    readonly request: StreamRequest;
  }
  /** A message of an accepted publisher. */
  | {
    readonly type: "media";
    readonly id: number;
    readonly typeId: number;
    readonly timestampMs: number;
    readonly payload: Uint8Array;
  }
  /** The publisher left, accepted or not. */
  | { readonly type: "depart"; readonly id: number; readonly departure: Departure };

/** From the home of a stream to the loop that asked. */
export type OutwardEvent =
  /** Bytes of the log: whole messages at the chunk size of the process. */
  | { readonly type: "bytes"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "change"; readonly id: number; readonly change: SourceChange }
  | { readonly type: "accepted"; readonly id: number }
  | { readonly type: "refused"; readonly id: number; readonly refusal: Refusal }
  | { readonly type: "replaced"; readonly id: number };

/** Anything that goes over a link. */
export type BridgeEvent =
  | HomewardEvent
  | OutwardEvent
  /** All that ever comes from this loop has been said. */
  | { readonly type: "bye" };
