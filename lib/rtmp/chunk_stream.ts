import { MessageType } from "./constants.ts";

/**
 * Assembly buffers of up to this size are kept for the next message of a chunk stream with media. A
 * command may be the last one.
 */
const MAX_KEPT_ASSEMBLY_BYTES = 512 * 1024;

/** The assembly buffer of a chunk stream that has none. */
export const NO_BYTES = new Uint8Array(0);

/** State of one chunk stream between chunks. */
export class ChunkStream {
  typeId = 0;
  msid = 0;
  length = 0;
  /** Absolute timestamp of the current message. */
  timestampMs = 0;
  /** Added to the timestamp by a fmt 3 chunk that starts a message. */
  deltaMs = 0;
  /** Value of the last extended timestamp field; -1 if the last timestamp or delta had none. */
  extended = -1;
  /** Payload bytes received of the current message; -1 between messages. */
  received = -1;
  assembly: Uint8Array<ArrayBuffer> = NO_BYTES;
}

/** Whether the assembly buffer of a complete message is kept for the next one. */
export function isWorthKeeping({ typeId, assembly }: ChunkStream): boolean {
  const isMedia = typeId === MessageType.VIDEO || typeId === MessageType.AUDIO;
  return isMedia && assembly.length <= MAX_KEPT_ASSEMBLY_BYTES;
}
