/**
 * Puts right in a transport stream (ISO/IEC 13818-1 §2.4.3) what mediabunny cannot know: when pictures are
 * decoded, and which of them are keyframes. It makes decoding times up by sorting the presentation times,
 * so pictures of a stream with B-frames would be shown before they are decoded.
 */

const PACKET_BYTES = 188;
const CLOCK_HZ = 90_000;
const CLOCK_WRAP = 2 ** 33;

/** Bits of a packet's second and fourth byte, and of its adaptation field. */
const BEGINS_UNIT = 0x40;
const HAS_ADAPTATION = 0x20;
const RANDOM_ACCESS = 0x40;

/** Stream ids of video in a PES packet, the bits that say it has both times, and where the later one is. */
const FIRST_VIDEO_STREAM = 0xe0;
const LAST_VIDEO_STREAM = 0xef;
const HAS_BOTH_TIMES = 0xc0;
const DECODE_TIME_AT = 14;

/** What is known of a picture. */
export interface PictureFacts {
  readonly decodeMs: number;
  readonly isKey: boolean;
}

/** Changes `bytes`, whole packets, in place. `pictures` are in the order of decoding. */
export function correctPictures(bytes: Uint8Array, pictures: readonly PictureFacts[]): void {
  let count = 0;
  for (let at = 0; at + PACKET_BYTES <= bytes.length; at += PACKET_BYTES) {
    if ((bytes[at + 1]! & BEGINS_UNIT) === 0) continue;
    const adaptationBytes = (bytes[at + 3]! & HAS_ADAPTATION) === 0 ? 0 : 1 + bytes[at + 4]!;
    const pesAt = at + 4 + adaptationBytes;
    if (!isPicture(bytes, pesAt)) continue;
    const picture = pictures[count++];
    if (picture === undefined) return;
    writeTime(bytes, pesAt + DECODE_TIME_AT, picture.decodeMs);
    if (adaptationBytes > 1 && !picture.isKey) bytes[at + 5]! &= ~RANDOM_ACCESS;
  }
}

/** Whether a PES packet with a picture begins at `at`. */
function isPicture(bytes: Uint8Array, at: number): boolean {
  const isStart = bytes[at] === 0 && bytes[at + 1] === 0 && bytes[at + 2] === 1;
  const stream = bytes[at + 3]!;
  return isStart && stream >= FIRST_VIDEO_STREAM && stream <= LAST_VIDEO_STREAM &&
    (bytes[at + 7]! & HAS_BOTH_TIMES) === HAS_BOTH_TIMES;
}

/** Four bits that say which time it is, then 33 bits in three pieces, each with a marker bit behind it. */
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
