/** What our servers and foreign ones have in common for a test. */

import type { ChildProcess } from "./processes.ts";

/** A server on loopback, listening. */
export interface RtmpServer {
  readonly name: string;
  readonly port: number;
  readonly process: ChildProcess;
}

/** URL of a stream in the `live` application of a server. */
export function streamUrl(server: RtmpServer, stream: string): string {
  return `rtmp://127.0.0.1:${server.port}/live/${stream}`;
}
