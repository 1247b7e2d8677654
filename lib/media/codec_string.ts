/**
 * RFC 6381 names of codecs with profile and level, as muxers and players want them. Callers pass
 * decoder configurations of at least the length that `codecs.ts` demands.
 */

import { readU32 } from "../base/bytes.ts";

/** Names H.264, e.g. `avc1.64001f`, from an AVCDecoderConfigurationRecord. */
export function avcCodecString(config: Uint8Array): string {
  const digits = [config[1]!, config[2]!, config[3]!].map((byte) =>
    byte.toString(16).padStart(2, "0")
  );
  return `avc1.${digits.join("")}`;
}

/** Names HEVC (ISO/IEC 14496-15 §E.3), from an HEVCDecoderConfigurationRecord. */
export function hevcCodecString(config: Uint8Array): string {
  const profile = config[1]!;
  const space = ["", "A", "B", "C"][profile >>> 6]!;
  const tier = (profile & 0x20) === 0 ? "L" : "H";
  const constraints = [...config.subarray(6, 12)];
  while (constraints.at(-1) === 0) constraints.pop();
  return [
    "hvc1",
    `${space}${profile & 0x1f}`,
    reverseBits(readU32(config, 2)).toString(16).toUpperCase(),
    `${tier}${config[12]}`,
    ...constraints.map((byte) => byte.toString(16).toUpperCase()),
  ].join(".");
}

/**
 * Names AV1 (AV1 in ISOBMFF §2.3.4), from an AV1CodecConfigurationRecord. Without a record: Main
 * profile, 8 bits.
 */
export function av1CodecString(config: Uint8Array): string {
  if (config.length === 0) return "av01.0.08M.08";
  const [profile, level] = [config[1]! >>> 5, config[1]! & 0x1f];
  const flags = config[2]!;
  const bits = (flags & 0x40) === 0 ? "08" : (flags & 0x20) === 0 ? "10" : "12";
  return `av01.${profile}.${twoDigits(level)}${(flags & 0x80) === 0 ? "M" : "H"}.${bits}`;
}

/** Names VP9 (VP9 in ISOBMFF, "Codecs Parameter String"), from a VPCodecConfigurationRecord. */
export function vp9CodecString(config: Uint8Array): string {
  const [profile, level, bits] = [config[0]!, config[1]!, config[2]! >>> 4];
  return `vp09.${twoDigits(profile)}.${twoDigits(level)}.${twoDigits(bits)}`;
}

/**
 * Names AAC, from an AudioSpecificConfig. Object types 5 and 29 are HE-AAC and HE-AAC v2. All
 * others are named AAC-LC; decoders read the real type from the configuration.
 */
export function aacCodecString(config: Uint8Array): string {
  const objectType = config[0]! >>> 3;
  return `mp4a.40.${objectType === 5 || objectType === 29 ? objectType : 2}`;
}

function reverseBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((value >>> bit) & 1);
  return reversed >>> 0;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
