import { MessageType } from "./constants.ts";

/** Limits on the memory that one peer can make the reader use. */
export interface ChunkLimits {
  /** Longest accepted message. */
  readonly maxMessageBytes: number;
  /** Longest accepted command (types 17 and 20). */
  readonly maxCommandBytes: number;
  /** Longest accepted aggregate (type 22); 0 ignores aggregates. */
  readonly maxAggregateBytes: number;
  /** Most chunk streams of a connection. Real peers use fewer than ten. */
  readonly maxChunkStreams: number;
  /** Most memory for incomplete messages of all chunk streams. */
  readonly maxUnassembledBytes: number;
}

/** Limits of a peer that sends media. */
export const MEDIA_LIMITS: ChunkLimits = {
  maxMessageBytes: 8 * 1024 * 1024,
  maxCommandBytes: 64 * 1024,
  maxAggregateBytes: 8 * 1024 * 1024,
  maxChunkStreams: 64,
  maxUnassembledBytes: 16 * 1024 * 1024,
};

/** Knows the limits in force, which depend on what the peer does. */
export interface LimitsSource {
  readonly limits: ChunkLimits;
}

/** The limits of a peer whose state does not matter. */
export const CONSTANT_LIMITS: LimitsSource = { limits: MEDIA_LIMITS };

/** Returns the length of the longest accepted message of a type, in bytes. */
export function longestMessage(typeId: number, limits: ChunkLimits): number {
  // An aggregate that is ignored may be as long as any other message.
  if (typeId === MessageType.AGGREGATE && limits.maxAggregateBytes > 0) {
    return limits.maxAggregateBytes;
  }
  return isCommand(typeId) ? limits.maxCommandBytes : limits.maxMessageBytes;
}

/** Whether messages of a type are commands. */
export function isCommand(typeId: number): boolean {
  return typeId === MessageType.COMMAND_AMF0 || typeId === MessageType.COMMAND_AMF3;
}
