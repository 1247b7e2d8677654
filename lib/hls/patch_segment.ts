import { decodeUtf8, readU32, writeU32 } from "../base/bytes.ts";

/** Flags of a frame that depends on others and is no sync sample (ISO/IEC 14496-12 §8.8.3.1). */
const DEPENDENT = 0x01010000;

/** What a `trun` box contains (§8.8.8.1). */
const HAS_DATA_OFFSET = 0x1;
const HAS_FIRST_FLAGS = 0x4;
const HAS_DURATION = 0x100;
const HAS_SIZE = 0x200;
const HAS_FLAGS = 0x400;

const BOX_HEADER_BYTES = 8;
/** With version and flags. */
const FULL_BOX_HEADER_BYTES = 12;

/**
 * Marks the first frame of the first track in a CMAF segment as no sync sample, in place. Muxers
 * insist on a keyframe first; decoders that believe a wrong mark fail.
 */
export function unmarkFirstFrame(segment: Uint8Array): void {
  const moof = findBox(segment, 0, "moof");
  const traf = findBox(moof, BOX_HEADER_BYTES, "traf");
  const trun = findBox(traf, BOX_HEADER_BYTES, "trun");
  const tfhd = findBox(traf, BOX_HEADER_BYTES, "tfhd");
  if (trun.length <= FULL_BOX_HEADER_BYTES || tfhd.length <= FULL_BOX_HEADER_BYTES) return;
  const fields = readU32(trun, BOX_HEADER_BYTES) & 0xffffff;
  const count = readU32(trun, FULL_BOX_HEADER_BYTES);
  const at = FULL_BOX_HEADER_BYTES + 4 + (fields & HAS_DATA_OFFSET ? 4 : 0);
  if (fields & HAS_FIRST_FLAGS) return writeU32(trun, at, DEPENDENT);
  const flagsAt = at + (fields & HAS_DURATION ? 4 : 0) + (fields & HAS_SIZE ? 4 : 0);
  if (fields & HAS_FLAGS) return writeU32(trun, flagsAt, DEPENDENT);
  // A single frame has the track's default flags, which are the last field.
  if (count === 1) writeU32(tfhd, tfhd.length - 4, DEPENDENT);
}

/** Gives the first track in a CMAF segment another id, in place. */
export function setTrackId(segment: Uint8Array, id: number): void {
  const traf = findBox(findBox(segment, 0, "moof"), BOX_HEADER_BYTES, "traf");
  const tfhd = findBox(traf, BOX_HEADER_BYTES, "tfhd");
  if (tfhd.length > FULL_BOX_HEADER_BYTES) writeU32(tfhd, FULL_BOX_HEADER_BYTES, id);
}

/**
 * Numbers the fragments of a CMAF segment from `first` on (§8.8.5), in place. VLC warns of those
 * that do not continue the numbers of the segment before.
 *
 * @returns the number for the fragment that follows.
 */
export function numberFragments(segment: Uint8Array, first: number): number {
  let number = first;
  for (let at = 0; at + BOX_HEADER_BYTES <= segment.length;) {
    const moof = findBox(segment, at, "moof");
    if (moof.length === 0) break;
    const mfhd = findBox(moof, BOX_HEADER_BYTES, "mfhd");
    if (mfhd.length > FULL_BOX_HEADER_BYTES) writeU32(mfhd, FULL_BOX_HEADER_BYTES, number++);
    at = moof.byteOffset - segment.byteOffset + moof.length;
  }
  return number;
}

/** Returns the first box of this type from `at` on, with its header; empty if there is none. */
function findBox(bytes: Uint8Array, at: number, type: string): Uint8Array {
  while (at + BOX_HEADER_BYTES <= bytes.length) {
    const length = readU32(bytes, at);
    const found = decodeUtf8(bytes.subarray(at + 4, at + BOX_HEADER_BYTES));
    if (found === type) return bytes.subarray(at, at + length);
    if (length < BOX_HEADER_BYTES) break;
    at += length;
  }
  return bytes.subarray(0, 0);
}
