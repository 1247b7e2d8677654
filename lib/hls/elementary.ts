/** Coded frames in the form that a transport stream carries: Annex B for H.264, ADTS for AAC. */

import { readU16, readU32 } from "../base/bytes.ts";

/** What an H.264 decoder needs before a keyframe, and how frames are laid out. */
export interface AvcSetup {
  /** Bytes of a NAL unit's length: 1, 2 or 4. */
  readonly lengthBytes: number;
  /** Sequence and picture parameter sets, each with its start code. */
  readonly parameterSets: Uint8Array<ArrayBuffer>;
}

const START_CODE = [0, 0, 0, 1];

/** Access unit delimiter, NAL unit type 9, any slice type (H.264 §7.3.2.4). Players expect one (TS, RFC 8216). */
const ACCESS_UNIT_DELIMITER = [...START_CODE, 0x09, 0xf0];

const NAL_TYPE_MASK = 0x1f;
const NAL_DELIMITER = 9;

/** Offset of the first parameter set in an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). */
const SETS_AT = 5;

/** Reads an AVCDecoderConfigurationRecord. @returns null when it is damaged. Never throws. */
export function readAvcSetup(record: Uint8Array): AvcSetup | null {
  if (record.length <= SETS_AT) return null;
  const lengthBytes = (record[4]! & 3) + 1;
  const sets: number[] = [];
  let at = SETS_AT;
  // First the sequence parameter sets, five bits for their number, then the picture parameter sets.
  for (const mask of [0x1f, 0xff]) {
    if (at >= record.length) return null;
    let count = record[at++]! & mask;
    while (count-- > 0) {
      if (at + 2 > record.length) return null;
      const end = at + 2 + readU16(record, at);
      if (end > record.length) return null;
      sets.push(...START_CODE, ...record.subarray(at + 2, end));
      at = end;
    }
  }
  const isUsable = lengthBytes !== 3 && sets.length > 0;
  return isUsable ? { lengthBytes, parameterSets: new Uint8Array(sets) } : null;
}

/**
 * A frame of length-prefixed NAL units as an access unit of Annex B: delimiter first, parameter sets before
 * a keyframe. What follows a damaged length is left out.
 */
export function toAnnexB(
  frame: Uint8Array,
  setup: AvcSetup,
  isKey: boolean,
): Uint8Array<ArrayBuffer> {
  const units = splitUnits(frame, setup.lengthBytes);
  const head = isKey ? setup.parameterSets.length : 0;
  let length = ACCESS_UNIT_DELIMITER.length + head;
  for (const unit of units) length += START_CODE.length + unit.length;
  const bytes = new Uint8Array(length);
  bytes.set(ACCESS_UNIT_DELIMITER);
  let at = ACCESS_UNIT_DELIMITER.length;
  if (isKey) bytes.set(setup.parameterSets, at);
  at += head;
  for (const unit of units) {
    bytes.set(START_CODE, at);
    bytes.set(unit, at + START_CODE.length);
    at += START_CODE.length + unit.length;
  }
  return bytes;
}

/** The NAL units of a frame but for delimiters, of which there is one already. */
function splitUnits(frame: Uint8Array, lengthBytes: number): Uint8Array[] {
  const units: Uint8Array[] = [];
  for (let at = 0; at + lengthBytes <= frame.length;) {
    const begin = at + lengthBytes;
    const end = begin + readLength(frame, at, lengthBytes);
    if (end > frame.length) break;
    if (end > begin && (frame[begin]! & NAL_TYPE_MASK) !== NAL_DELIMITER) {
      units.push(frame.subarray(begin, end));
    }
    at = end;
  }
  return units;
}

function readLength(bytes: Uint8Array, at: number, lengthBytes: number): number {
  if (lengthBytes === 4) return readU32(bytes, at);
  return lengthBytes === 2 ? readU16(bytes, at) : bytes[at]!;
}

const ADTS_BYTES = 7;
/** A frame's length, its header included, has 13 bits (ISO/IEC 13818-7 §6.2). */
const MAX_ADTS_FRAME = 0x1fff;

/**
 * A raw AAC frame with an ADTS header, from an AudioSpecificConfig.
 *
 * @returns null when ADTS cannot say it: a rate that is not in the table, or a frame that is too long.
 */
export function toAdts(frame: Uint8Array, config: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const length = ADTS_BYTES + frame.length;
  const objectType = config[0]! >>> 3;
  const rateIndex = ((config[0]! & 7) << 1) | (config[1]! >>> 7);
  if (length > MAX_ADTS_FRAME || rateIndex >= 13) return null;
  const channels = (config[1]! >>> 3) & 15;
  // Two bits: HE-AAC (5, 29) is LC with an extension in the frames, which decoders find by themselves.
  const profile = objectType >= 1 && objectType <= 4 ? objectType - 1 : 1;
  const bytes = new Uint8Array(length);
  bytes[0] = 0xff;
  // MPEG-4, no CRC.
  bytes[1] = 0xf1;
  bytes[2] = (profile << 6) | (rateIndex << 2) | (channels >>> 2);
  bytes[3] = ((channels & 3) << 6) | (length >>> 11);
  bytes[4] = (length >>> 3) & 0xff;
  bytes[5] = ((length & 7) << 5) | 0x1f;
  bytes[6] = 0xfc;
  bytes.set(frame, ADTS_BYTES);
  return bytes;
}
