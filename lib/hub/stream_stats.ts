/** Counters of a stream, for reports. */
export interface StreamStats {
  /** Media messages appended. */
  messages: number;
  videoMessages: number;
  /** Payload bytes appended. */
  payloadBytes: number;
  /** Bytes sent to players that have left. */
  sentBytes: number;
  /** Those of them that went to edges. */
  edgeSentBytes: number;
  /** Times that a slate was shown. */
  slates: number;
  /** Publishers that continued with the very next frame of what was delivered before, */
  splices: number;
  /** and those that restarted the stream at a keyframe. */
  restarts: number;
  /** Frames that players never got because of that, and those that they got twice. */
  lostFrames: number;
  doubledFrames: number;
  /** Corrections of stream time, because a publisher's clock leapt or stood still. */
  clockChanges: number;
}

/** Returns counters at 0. */
export function createStreamStats(): StreamStats {
  return {
    messages: 0,
    videoMessages: 0,
    payloadBytes: 0,
    sentBytes: 0,
    edgeSentBytes: 0,
    slates: 0,
    splices: 0,
    restarts: 0,
    lostFrames: 0,
    doubledFrames: 0,
    clockChanges: 0,
  };
}
