import type { Clock } from "../base/clock.ts";
import type { Ticker } from "../base/ticker.ts";
import type { MergedReads, OriginAddress } from "../config/config.ts";
import type { FlushQueue } from "../io/flush_queue.ts";
import type { ReadBuffers } from "../io/read_buffers.ts";
import type { ReadPacer } from "../io/read_pacer.ts";
import type { Network } from "../io/transport.ts";
import type { WorkTurns } from "../io/work_turns.ts";
import type { HandshakeOptions } from "../rtmp/handshake.ts";
import type { UpstreamTarget } from "../rtmp/url.ts";
import type { DialGate } from "./dial_gate.ts";
import type { MovePace } from "./move_pace.ts";
import type { OutageRoom } from "./outage_room.ts";

/** How often time budgets and silences are checked, in ms. */
export const WATCH_PERIOD_MS = 100;

/** Shared by all upstream connections of a server. */
export interface UpstreamDeps {
  readonly network: Network;
  readonly queue: FlushQueue;
  readonly clock: Clock;
  /** Reads what origins send. */
  readonly turns: WorkTurns;
  /** Spaces these reads, */
  readonly pacer: ReadPacer;
  /** and lends their buffers. */
  readonly buffers: ReadBuffers;
  /** Checks time budgets and silences, every {@linkcode WATCH_PERIOD_MS}. */
  readonly ticker: Ticker;
  readonly handshake: HandshakeOptions;
  /** Chunk size of everything sent, in bytes; also that of the streams' logs. */
  readonly chunkSize: number;
  /** Id of this process among edges, sent in `connect`; null for a plain player or publisher. */
  readonly edgeId: string | null;
  /** Its `server_name`, sent as well; empty for none. */
  readonly edgeName?: string;
  /** Absent when no requests are signed. */
  readonly signer?: UpstreamSigner;
}

/** How servers are connected to. */
export interface UpstreamSettings {
  /** Vhost asked for; `[vhost]` stands for the client's. */
  readonly vhost: string;
  /** Send the identifying arguments of an SRS edge in `connect`. */
  readonly debugSrsUpnode: boolean;
  /** Ask for all codecs and tracks of Enhanced RTMP. */
  readonly enhancedRtmp: boolean;
  /** The servers, */
  readonly origins: readonly OriginAddress[];
  /** and whether one may redirect to an address that is none of them. */
  readonly redirect: "origins" | "any";
  /** File with issuers of certificates that are trusted besides the usual ones; may be empty. */
  readonly tlsCa: string;
  /** Accept any certificate. */
  readonly insecure: boolean;
  /** Longest wait for the connection, the TLS handshake included. */
  readonly connectTimeoutMs: number;
  /** Longest wait from the handshake to the first media, and for the answer to a ping. */
  readonly startTimeoutMs: number;
  /** A connection that is silent for this long is stalled. */
  readonly stallTimeoutMs: number;
  /** A stream's own pace decides when a pull is silent. */
  readonly isStallAuto: boolean;
}

/** Signs requests, for servers that ask for signed URLs. */
export interface UpstreamSigner {
  /** Returns the target with a signature if the vhost has a secret for it. */
  sign(vhost: string, action: "play" | "publish", target: UpstreamTarget): UpstreamTarget;
}

/** What upstream connections to one set of servers share. */
export interface UpstreamContext extends UpstreamDeps {
  /** Signs a request, if the vhost has a secret. */
  readonly sign?: (action: "play" | "publish", target: UpstreamTarget) => UpstreamTarget;
  /** The settings in force. They may change, so ask at use. */
  readonly settings: () => UpstreamSettings;
  /** How the reads of pulls are merged, now. Absent where they are not. */
  readonly mergedReads?: () => MergedReads;
  /** Bounds the connections to each of them. */
  readonly gate: DialGate;
  /** Spreads their moves over time. */
  readonly pace: MovePace;
  /** Bounds what is kept while none takes it. */
  readonly room: OutageRoom;
}
