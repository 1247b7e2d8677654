/**
 * Profiles and levels for people, from decoder configurations. Names are spelled as SRS's API
 * spells them. Damaged configurations give empty strings and never throw.
 */

/** Profile and level of a stream, e.g. `High` and `3.1`; empty if not known. */
export interface CodecProfile {
  readonly profile: string;
  readonly level: string;
}

/** profile_idc (ISO/IEC 14496-10 Annex A). */
const AVC_PROFILES: Readonly<Record<number, string>> = {
  66: "Baseline",
  77: "Main",
  88: "Extended",
  100: "High",
  110: "High(10)",
  122: "High(422)",
  244: "High(444)",
};

/** general_profile_idc (ITU-T H.265 Annex A). */
const HEVC_PROFILES: Readonly<Record<number, string>> = {
  1: "Main",
  2: "Main10",
  3: "Main(still)",
};

/** seq_profile (AV1 Annex A). */
const AV1_PROFILES: Readonly<Record<number, string>> = { 0: "Main", 1: "High", 2: "Professional" };

/** Audio object types (ISO/IEC 14496-3 §1.5.1.1). */
const AAC_PROFILES: Readonly<Record<number, string>> = {
  1: "Main",
  2: "LC",
  3: "SSR",
  5: "HE",
  29: "HEv2",
};

const UNKNOWN: CodecProfile = { profile: "", level: "" };

/** Returns no profile, for codecs whose configuration is not parsed. */
export function noProfile(): CodecProfile {
  return UNKNOWN;
}

/** Reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1). */
export function avcProfile(config: Uint8Array): CodecProfile {
  return { profile: AVC_PROFILES[config[1] ?? 0] ?? "", level: levelOf(config[3], 10) };
}

/** Reads an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1). */
export function hevcProfile(config: Uint8Array): CodecProfile {
  const profile = HEVC_PROFILES[(config[1] ?? 0) & 0x1f] ?? "";
  return { profile, level: levelOf(config[12], 30) };
}

/** Reads an AV1CodecConfigurationRecord (AV1 in ISOBMFF §2.3.3). */
export function av1Profile(config: Uint8Array): CodecProfile {
  const index = config[1];
  if (index === undefined) return UNKNOWN;
  const level = index & 0x1f;
  // Levels count in groups of four, starting at 2.0 (AV1 Annex A.3).
  return {
    profile: AV1_PROFILES[index >>> 5] ?? "",
    level: `${2 + (level >>> 2)}.${level & 3}`,
  };
}

/** Reads an AudioSpecificConfig, which has no level. */
export function aacProfile(config: Uint8Array): CodecProfile {
  return { profile: AAC_PROFILES[(config[0] ?? 0) >>> 3] ?? "", level: "" };
}

/** 41 in tenths and 123 in thirtieths are both level 4.1. SRS omits a trailing `.0`. */
function levelOf(value: number | undefined, unit: number): string {
  return value === undefined ? "" : String(value / unit);
}
