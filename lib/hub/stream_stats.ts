/** Counters of a stream, for reports. */
export interface StreamStats {
  /** Media messages appended. */
  messages: number;
  videoMessages: number;
  /** Payload bytes appended. */
  payloadBytes: number;
  /** Bytes sent to players that have left. */
  sentBytes: number;
}

/** Returns counters at 0. */
export function createStreamStats(): StreamStats {
  return { messages: 0, videoMessages: 0, payloadBytes: 0, sentBytes: 0 };
}
