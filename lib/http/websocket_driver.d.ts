/** Types of the part of `websocket-driver` that is used. The package has none. */

import type { Buffer } from "node:buffer";

/** One end of a WebSocket, independent of its connection. */
export interface Driver {
  /** Emits bytes for the connection as `data`. */
  readonly io: { on(event: "data", listener: (bytes: Buffer) => void): void };
  on(event: "close" | "error", listener: () => void): void;
  /** Answers the request. */
  start(): boolean;
  /** Handles bytes from the connection, and modifies them. */
  parse(bytes: Buffer): void;
  /** Sends a message. @returns false if the WebSocket is closed. */
  binary(message: Buffer): boolean;
  /** Sends a close frame. Emits `close` when the peer has answered it. */
  close(): boolean;
}

export interface DriverOptions {
  /** Requires masked frames from the client (RFC 6455, section 5.1). */
  readonly requireMasking: boolean;
  /** Longest accepted message, in bytes. */
  readonly maxLength: number;
}

export interface UpgradeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

declare const driver: {
  /** Returns the server's end for an upgrade request. */
  http(request: UpgradeRequest, options: DriverOptions): Driver;
  isWebSocket(request: UpgradeRequest): boolean;
};
export default driver;
