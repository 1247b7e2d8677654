import { type ChunkLimits, MEDIA_LIMITS } from "../rtmp/chunk_limits.ts";

/** What a client does, as far as limits depend on it. */
export type LimitedState = "connecting" | "idle" | "playing" | "asking" | "publishing";

const KIB = 1024;

/** Nothing but commands is expected: no client needs more. */
const COMMANDS: ChunkLimits = {
  maxMessageBytes: 128 * KIB,
  maxCommandBytes: 64 * KIB,
  maxAggregateBytes: 0,
  maxChunkStreams: 64,
  maxUnassembledBytes: 128 * KIB,
};

/** The limits of a client, by state. The table in docs/security.md follows it. */
export const SESSION_LIMITS: Readonly<Record<LimitedState, ChunkLimits>> = {
  /** The handshake, and until `connect` is accepted. */
  connecting: COMMANDS,
  /** Connected, without a stream. */
  idle: COMMANDS,
  playing: COMMANDS,
  /** The publish is not accepted yet. Relays of nginx-rtmp and SRS send media meanwhile. */
  asking: {
    ...MEDIA_LIMITS,
    maxMessageBytes: 4 * KIB * KIB,
    maxAggregateBytes: 128 * KIB,
    maxUnassembledBytes: 4 * KIB * KIB,
  },
  publishing: MEDIA_LIMITS,
};

/** Longest text of a `connect` that is kept, in characters. Longer ones are cut. */
export const MAX_CONNECT_TEXT = 4 * KIB;
