/** What the demo consists of. */

import type { MediaMessage } from "./frame_check.ts";

/** How a server is lost: it ends without a word, or is silent while its connections stay. */
export type Loss = "kill" | "freeze";

/** A server of the demo. */
export interface DemoServer {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** `http://127.0.0.1:PORT` of its console and pages for viewers; null without them. */
  readonly webUrl: string | null;
  /** Connections that play from it, and its connections to origins. */
  stats(): { readonly viewers: number; readonly upstreams: number };
  stop(): Promise<void>;
  /** Drains it, and starts another one at the same address. */
  restart(): Promise<void>;
  /** Only for servers that may be lost. */
  lose(how: Loss): Promise<void>;
  /** Undoes {@linkcode lose}: starts another one at the same address, or lets this one continue. */
  heal(): Promise<void>;
}

/** Options of {@linkcode DemoNetwork.startServer}. */
export interface DemoServerOptions {
  /** `HOST:PORT` of each; none for an origin. */
  readonly origins: readonly string[];
  /** A directive of `cluster`. */
  readonly cluster?: "push all" | "standby on";
  readonly hasWeb?: boolean;
  readonly mayBeLost?: boolean;
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
  /** Starts a server on a free port of 127.0.0.1: an edge of `origins`, or an origin. */
  startServer(options: DemoServerOptions): Promise<DemoServer>;
  /** Resolves when the server accepts the publish. */
  publish(url: string): Promise<DemoPublisher>;
  /**
   * Resolves when the server accepts the play; rejects when it has not after a few seconds. The
   * payload of a message is valid during the call.
   */
  play(url: string, onMessage: (message: MediaMessage) => void): Promise<DemoPlayer>;
}
