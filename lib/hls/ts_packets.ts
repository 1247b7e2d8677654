const PACKET_BYTES = 188;
const CLOCK_HZ = 90_000;
const CLOCK_WRAP = 2 ** 33;

/** Bits of a packet's second and fourth byte, and of its adaptation field. */
const BEGINS_UNIT = 0x40;
const HAS_ADAPTATION = 0x20;
const RANDOM_ACCESS = 0x40;

/** Stream ids of video in a PES packet, flags for both times, and where the decoding time is. */
const FIRST_VIDEO_STREAM = 0xe0;
const LAST_VIDEO_STREAM = 0xef;
const HAS_BOTH_TIMES = 0xc0;
const DECODE_TIME_AT = 14;

/** The facts about a video frame. */
interface VideoFrameFacts {
  readonly decodeMs: number;
  readonly isKey: boolean;
}

/**
 * Corrects a transport stream (ISO/IEC 13818-1 §2.4.3) where mediabunny lacks the facts: decoding
 * times of video frames, and which frames are keyframes. mediabunny guesses decoding times by
 * sorting presentation times, so B-frames would be due for display before they are decoded.
 *
 * Changes `bytes`, whole packets, in place. `frames` are its video frames in decoding order.
 */
export function correctVideoFrames(bytes: Uint8Array, frames: readonly VideoFrameFacts[]): void {
  let count = 0;
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    if ((bytes[at + 1]! & BEGINS_UNIT) === 0) continue;
    const adaptationBytes = (bytes[at + 3]! & HAS_ADAPTATION) === 0 ? 0 : 1 + bytes[at + 4]!;
    const pesAt = at + 4 + adaptationBytes;
    if (!isVideoFrame(bytes, pesAt)) continue;
    const frame = frames[count++];
    if (frame === undefined) return;
    writeTime(bytes, pesAt + DECODE_TIME_AT, frame.decodeMs);
    if (adaptationBytes > 1 && !frame.isKey) bytes[at + 5]! &= ~RANDOM_ACCESS;
  }
}

/** Whether a PES packet with a video frame starts at `at`. */
function isVideoFrame(bytes: Uint8Array, at: number): boolean {
  const isStart = bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1;
  const stream = bytes[at + 3]!;
  return isStart && stream >= FIRST_VIDEO_STREAM && stream <= LAST_VIDEO_STREAM &&
    (bytes[at + 7]! & HAS_BOTH_TIMES) === HAS_BOTH_TIMES;
}

/** Writes four bits that name the time, then 33 bits in three pieces, a marker bit after each. */
function writeTime(bytes: Uint8Array, at: number, timeMs: number): void {
  const ticks = Math.round(timeMs * CLOCK_HZ / 1000) % CLOCK_WRAP;
  const time = ticks < 0 ? ticks + CLOCK_WRAP : ticks;
  bytes[at] = 0x11 | (Math.floor(time / 2 ** 30) << 1);
  const middle = Math.floor(time / 2 ** 15) % 2 ** 15;
  bytes[at + 1] = middle >>> 7;
  bytes[at + 2] = (middle << 1) | 1;
  const low = time % 2 ** 15;
  bytes[at + 3] = low >>> 7;
  bytes[at + 4] = (low << 1) | 1;
}
