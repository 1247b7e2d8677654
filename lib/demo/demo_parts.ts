/** What the demo consists of. */

import type { FrameCheck, MediaMessage } from "./frame_check.ts";
import type { RateMeter } from "./rate_meter.ts";

/** A server of the demo. */
export interface DemoServer {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** Connections that play from it, and its connections to origins. */
  stats(): { readonly viewers: number; readonly upstreams: number };
  stop(): Promise<void>;
  /** Drains it, and starts another one at the same address. */
  restart(): Promise<void>;
}

/** A connection that publishes. */
export interface DemoPublisher {
  /** Sends a message. Neither changes nor keeps the payload. Does not throw once closed or lost. */
  push(typeId: number, timestampMs: number, payload: Uint8Array): void;
  close(): Promise<void>;
}

/** A connection that plays. */
export interface DemoPlayer {
  close(): Promise<void>;
}

/** The servers and clients of the demo. */
export interface DemoNetwork {
  /**
   * Starts a server on a free port of 127.0.0.1: an edge of `origins` (`HOST:PORT`), or an origin.
   */
  startServer(options: { readonly origins: readonly string[] }): Promise<DemoServer>;
  /** Resolves when the server accepts the publish. */
  publish(url: string): Promise<DemoPublisher>;
  /**
   * Resolves when the server accepts the play; rejects when it has not after a few seconds. The
   * payload of a message is valid during the call.
   */
  play(url: string, onMessage: (message: MediaMessage) => void): Promise<DemoPlayer>;
}

/** A server and its players. */
export interface Leg {
  readonly name: string;
  readonly server: DemoServer;
  readonly checks: readonly FrameCheck[];
  readonly rate: RateMeter;
}
