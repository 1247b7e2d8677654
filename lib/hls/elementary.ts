/** Converts coded frames to the forms of a transport stream: Annex B for H.264, ADTS for AAC. */

import { readU32 } from "../base/bytes.ts";

/** What an AVCDecoderConfigurationRecord says. */
export interface AvcSetup {
  /** Bytes of the length before each NAL unit: 1, 2 or 4. */
  readonly lengthBytes: number;
  /** Sequence and picture parameter sets, each with its start code. */
  readonly parameterSets: Uint8Array<ArrayBuffer>;
}

const START_CODE = [0, 0, 0, 1];

/** Access unit delimiter, for any slice type (H.264 §7.3.2.4). A transport stream needs one. */
const ACCESS_UNIT_DELIMITER = [...START_CODE, 0x09, 0xf0];

const NAL_TYPE_MASK = 0x1f;
const NAL_DELIMITER = 9;

/** Offset of the number of sequence parameter sets (ISO/IEC 14496-15 §5.3.3.1). */
const SETS_AT = 5;

/** Reads an AVCDecoderConfigurationRecord; returns null if it is damaged. Never throws. */
export function readAvcSetup(record: Uint8Array): AvcSetup | null {
  if (record.length <= SETS_AT) return null;
  const lengthBytes = (record[4]! & 3) + 1;
  const sets: number[] = [];
  let at = SETS_AT;
  // The number of sequence parameter sets has five bits, that of picture parameter sets eight.
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
 * Converts a frame of length-prefixed NAL units to an access unit of Annex B: with a delimiter, and
 * with parameter sets before a keyframe. Omits everything after a damaged length.
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

/** Returns the NAL units of a frame except delimiters. */
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

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function readLength(bytes: Uint8Array, at: number, lengthBytes: number): number {
  if (lengthBytes === 4) return readU32(bytes, at);
  return lengthBytes === 2 ? readU16(bytes, at) : bytes[at]!;
}

const ADTS_BYTES = 7;
/** The length of a frame with its header has 13 bits (ISO/IEC 13818-7 §6.2). */
const MAX_ADTS_FRAME = 0x1fff;

/** Rates that ADTS can state, by index. 15 means that the configuration spells the rate out. */
const ADTS_RATES = 13;

/** Whether ADTS can state the sample rate of an AudioSpecificConfig of at least two bytes. */
export function isAdtsConfig(config: Uint8Array): boolean {
  return rateIndexOf(config) < ADTS_RATES;
}

function rateIndexOf(config: Uint8Array): number {
  return ((config[0]! & 7) << 1) | (config[1]! >>> 7);
}

/**
 * Puts an ADTS header before a raw AAC frame. Returns null if the frame is too long.
 *
 * @param config AudioSpecificConfig that {@linkcode isAdtsConfig} accepts.
 */
export function toAdts(frame: Uint8Array, config: Uint8Array): Uint8Array<ArrayBuffer> | null {
  const length = ADTS_BYTES + frame.length;
  if (length > MAX_ADTS_FRAME) return null;
  const objectType = config[0]! >>> 3;
  const channels = (config[1]! >>> 3) & 15;
  // Two bits. HE-AAC (5, 29) is LC with an extension in its frames, which decoders detect.
  const profile = objectType >= 1 && objectType <= 4 ? objectType - 1 : 1;
  const bytes = new Uint8Array(length);
  bytes[0] = 0xff;
  // MPEG-4, no CRC.
  bytes[1] = 0xf1;
  bytes[2] = (profile << 6) | (rateIndexOf(config) << 2) | (channels >>> 2);
  bytes[3] = ((channels & 3) << 6) | (length >>> 11);
  bytes[4] = (length >>> 3) & 0xff;
  bytes[5] = ((length & 7) << 5) | 0x1f;
  bytes[6] = 0xfc;
  bytes.set(frame, ADTS_BYTES);
  return bytes;
}
