/** The part of `websocket-driver` that is used here; the package has no types. */

import type { Buffer } from "node:buffer";

/** One end of a WebSocket, without its connection. */
export interface Driver {
  /** Its `data` are bytes for the connection. */
  readonly io: { on(event: "data", listener: (bytes: Buffer) => void): void };
  on(event: "close" | "error", listener: () => void): void;
  /** Answers the request. */
  start(): boolean;
  /** Takes bytes of the connection, and changes them. */
  parse(bytes: Buffer): void;
  /** Sends a message. @returns false when it is too late for that */
  binary(message: Buffer): boolean;
  /** Sends that this end is done; the other one says so, too, and `close` is emitted. */
  close(): boolean;
}

export interface DriverOptions {
  /** As clients must (RFC 6455 §5.1). */
  readonly requireMasking: boolean;
  /** Longest message that is accepted, in bytes. */
  readonly maxLength: number;
}

export interface UpgradeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

declare const driver: {
  /** The server's end, for a request that asks for a WebSocket. */
  http(request: UpgradeRequest, options: DriverOptions): Driver;
  isWebSocket(request: UpgradeRequest): boolean;
};
export default driver;
