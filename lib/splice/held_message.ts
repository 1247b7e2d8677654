/** A message that is kept until it is known what to do with it; its payload is a copy. */
export interface HeldMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array;
}

/** Most bytes held for one new origin. When there are more, the stream restarts at a keyframe. */
export const MAX_HELD_BYTES = 32 * 1024 * 1024;
