/**
 * What the workers of one process send each other. Each stream is owned by one worker, which has
 * its publisher or its upstream. The others mirror it for their players and pass their publishers
 * on.
 */

import type { SourceChange } from "../hub/publisher.ts";
import type { StreamRequest } from "../hub/stream_request.ts";
import type { LiveStreamsOfVhosts } from "../monitor/live_streams.ts";
import type { Audience } from "../hub/viewer.ts";
import type { Refusal } from "../rtmp/status.ts";
import type { Departure, PublisherRole } from "../server/vhost_service.ts";

/** Messages after which the owner confirms with one `taken`, at the latest. */
export const TAKEN_MESSAGES = 256;
/** Bytes of messages after which it does. */
export const TAKEN_BYTES = 1024 * 1024;

/** Asks the owner for a stream. Chooses the `id` that all later events about it carry. */
export type OpenEvent =
  /** Sends the stream from now on, until `leave`. */
  | {
    readonly type: "play";
    readonly id: number;
    readonly vhost: string;
    readonly request: StreamRequest;
  }
  /** Reserves a name for a new publisher until `release`; answered by `room`. */
  | {
    readonly type: "reserve";
    readonly id: number;
    readonly vhost: string;
    readonly request: StreamRequest;
  }
  /** Asks to publish; answered by `accepted` or `refused`. */
  | {
    readonly type: "publish";
    readonly id: number;
    readonly vhost: string;
    readonly request: StreamRequest;
  };

/** From a worker with clients to the owner of their stream. */
export type ToOwnerEvent =
  | OpenEvent
  /** The name is no longer reserved, nor waited for. */
  | { readonly type: "release"; readonly id: number }
  /** The publisher that was probed is alive, or was asked to connect elsewhere. */
  | { readonly type: "alive" | "leaving"; readonly id: number }
  /** Who plays a mirror. */
  | { readonly type: "audience"; readonly id: number; readonly audience: Audience }
  /** The last player left. */
  | { readonly type: "leave"; readonly id: number }
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

/** From the owner of a stream to a worker that opened it. */
export type FromOwnerEvent =
  /** Bytes of the log: whole messages at the chunk size of the process. */
  | { readonly type: "bytes"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "change"; readonly id: number; readonly change: SourceChange }
  /** A stream that was asked for is sought in vain. */
  | { readonly type: "missing"; readonly id: number; readonly isCertain: boolean }
  | { readonly type: "accepted"; readonly id: number }
  | { readonly type: "refused"; readonly id: number; readonly refusal: Refusal }
  | { readonly type: "replaced"; readonly id: number }
  /** What an accepted publisher does from now on: it feeds the stream, or stands by. */
  | {
    readonly type: "role";
    readonly id: number;
    readonly role: PublisherRole;
    readonly cause: string;
  }
  /** So many more messages of an accepted publisher are in its stream, and bytes of them. */
  | {
    readonly type: "taken";
    readonly id: number;
    readonly messages: number;
    readonly bytes: number;
  }
  /** Whether anyone watches the stream of an accepted publisher. Sent at its next message. */
  | { readonly type: "watched"; readonly id: number; readonly isWatched: boolean }
  /** Asks an accepted publisher for a sign of life. */
  | { readonly type: "probe"; readonly id: number }
  | { readonly type: "room"; readonly id: number; readonly hasRoom: boolean };

/** What a worker tells all others at once. */
export type ToAllEvent =
  /** Admit HLS requests with these keys for `keepMs`. */
  | { readonly type: "viewer"; readonly keys: readonly string[]; readonly keepMs: number }
  /** Refuse the HLS viewer with this key for `forMs`. */
  | { readonly type: "kicked viewer"; readonly key: string; readonly forMs: number }
  /** HLS viewers whose sessions the peer may have were sent that much, by key. */
  | { readonly type: "sent"; readonly bytes: ReadonlyMap<string, number> }
  /** All live streams of the worker, by vhost. */
  | { readonly type: "live"; readonly streams: LiveStreamsOfVhosts }
  /** The worker stops; this is its last event. */
  | { readonly type: "stopping" };

/** Anything that crosses a link. */
export type BridgeEvent = ToOwnerEvent | FromOwnerEvent | ToAllEvent;
