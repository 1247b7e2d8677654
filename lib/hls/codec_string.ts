/** Names of codecs with profile and level, in the form of RFC 6381, as muxers and players want them. */

import { readU32 } from "../base/bytes.ts";
import type { AudioTrack, VideoTrack } from "./track.ts";

/** Name of a track's codec, from its configuration. */
export function codecString({ codec, config }: VideoTrack | AudioTrack): string {
  switch (codec) {
    case "avc":
      return `avc1.${hexByte(config[1])}${hexByte(config[2])}${hexByte(config[3])}`;
    case "hevc":
      return hevcString(config);
    case "av1":
      return av1String(config);
    case "vp9":
      return `vp09.${twoDigits(config[0]!)}.${twoDigits(config[1]!)}.${
        twoDigits(config[2]! >>> 4)
      }`;
    case "aac":
      return aacString(config);
    case "ac3":
      return "ac-3";
    case "eac3":
      return "ec-3";
    default:
      return codec;
  }
}

/** Object types 5 and 29 are HE-AAC and HE-AAC v2; all others pass for AAC-LC, which decoders look at. */
function aacString(config: Uint8Array): string {
  const objectType = config[0]! >>> 3;
  return `mp4a.40.${objectType === 5 || objectType === 29 ? objectType : 2}`;
}

/** ISO/IEC 14496-15 §E.3, from a HEVCDecoderConfigurationRecord. */
function hevcString(config: Uint8Array): string {
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

/** AV1 in ISOBMFF §2.3.4, from an AV1CodecConfigurationRecord. */
function av1String(config: Uint8Array): string {
  // Some publishers send the announcement without the record: main profile, 8 bits, then.
  if (config.length < 4) return "av01.0.08M.08";
  const [profile, level] = [config[1]! >>> 5, config[1]! & 0x1f];
  const flags = config[2]!;
  const bits = (flags & 0x40) === 0 ? "08" : (flags & 0x20) === 0 ? "10" : "12";
  return `av01.${profile}.${twoDigits(level)}${(flags & 0x80) === 0 ? "M" : "H"}.${bits}`;
}

function reverseBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = (reversed << 1) | ((value >>> bit) & 1);
  return reversed >>> 0;
}

function hexByte(value: number | undefined): string {
  return (value ?? 0).toString(16).padStart(2, "0");
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
