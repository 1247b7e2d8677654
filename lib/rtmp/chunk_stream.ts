import { SpareBuffers } from "../base/spare_buffers.ts";

/** The assembly buffer of a chunk stream that has none. */
export const NO_BYTES = new Uint8Array(0);

/**
 * Assembly buffers for the next messages, of any peer. When each publisher kept one as long as its
 * longest message, they took as much as a tenth of the streams' logs.
 */
export const assemblies = new SpareBuffers(2 * 1024 * 1024);

/** Initial size of an assembly buffer. It doubles as bytes arrive. */
const MIN_ASSEMBLY_BYTES = 4096;

/** Assembly buffers up to this size have a power of two, so that others can use them again. */
const MAX_REUSED_BYTES = 512 * 1024;

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
  /** Holds them while the message is incomplete. */
  assembly: Uint8Array<ArrayBuffer> = NO_BYTES;
}

/** Returns the size of the assembly buffer for `needed` bytes of a stream's message. */
export function assemblyBytesFor(needed: number, { assembly, length }: ChunkStream): number {
  let bytes = Math.max(MIN_ASSEMBLY_BYTES, assembly.length);
  while (bytes < needed && bytes < MAX_REUSED_BYTES) bytes *= 2;
  return bytes < needed ? Math.max(needed, Math.min(assembly.length * 2, length)) : bytes;
}
