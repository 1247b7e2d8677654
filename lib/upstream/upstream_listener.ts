import type { OriginAddress } from "../config/config.ts";
import type { SocketWriter } from "../io/socket_writer.ts";

/** What an `Upstream` reports. */
export interface UpstreamListener {
  /** The origin accepted; it wants media on message stream id `msid`, written by `writer`. */
  onStarted(msid: number, writer: SocketWriter): void;
  /** `payload` is valid during the call only. */
  onMedia(typeId: number, timestampMs: number, payload: Uint8Array): void;
  /**
   * The played stream has ended. Unless `isCertain`, the origin may only have lost its publisher.
   */
  onUnpublished(isCertain: boolean): void;
  /** What follows of the played stream is another publisher's. */
  onSourceBegan?(): void;
  /**
   * The server asks to be left: for `to`, or for any other when it is null. It serves until then.
   */
  onMoveRequested?(to: OriginAddress | null): void;
  /** The server sent a ping, and expects `answer`. Without this method it gets it at once. */
  onPing?(answer: () => void): void;
  /** The origin has received `totalBytes` (u32) of what was sent. */
  onAcknowledgement(totalBytes: number): void;
}
