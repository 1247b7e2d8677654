/** What tests need to know of any RTMP server, ours or not. */

import type { ChildProcess } from "./processes.ts";

/** A listening server. */
export interface RtmpServer {
  readonly name: string;
  /** By default 127.0.0.1. */
  readonly hostname?: string;
  readonly port: number;
  readonly process: ChildProcess;
}

/** Returns the URL of a stream in the application `live` of a server. */
export function streamUrl(server: RtmpServer, stream: string): string {
  return `rtmp://${addressOf(server)}/live/${stream}`;
}

/** Returns host and port of a server. */
export function addressOf({ hostname = "127.0.0.1", port }: RtmpServer): string {
  return `${hostname}:${port}`;
}
