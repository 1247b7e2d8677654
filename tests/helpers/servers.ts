/** What our servers and foreign ones have in common for a test. */

import type { ChildProcess } from "./processes.ts";

/** A server that listens. */
export interface RtmpServer {
  readonly name: string;
  /** 127.0.0.1 unless given. */
  readonly hostname?: string;
  readonly port: number;
  readonly process: ChildProcess;
}

/** URL of a stream in the `live` application of a server. */
export function streamUrl(server: RtmpServer, stream: string): string {
  return `rtmp://${addressOf(server)}/live/${stream}`;
}

/** Host and port of a server. */
export function addressOf({ hostname = "127.0.0.1", port }: RtmpServer): string {
  return `${hostname}:${port}`;
}
