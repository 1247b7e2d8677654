/**
 * Codecs of a stream by SRS's names, from the headers it keeps. Evaluated per API request, never
 * per message.
 */

import { readAudio, readVideo } from "../hls/flv_frame.ts";
import { audioTrack, readPictureSize } from "../hls/track.ts";
import type { AudioSnapshot, VideoSnapshot } from "./server_view.ts";
import { type HeaderSet, METADATA_KEY } from "../hub/header_set.ts";
import { describeCodec } from "../media/codec_name.ts";
import { TagType } from "../media/flv_layout.ts";

const NO_SIZE = { width: 0, height: 0 };

/** profile_idc of ISO/IEC 14496-10 Annex A, by SRS's names. */
const AVC_PROFILES: Readonly<Record<number, string>> = {
  66: "Baseline",
  77: "Main",
  88: "Extended",
  100: "High",
  110: "High(10)",
  122: "High(422)",
  244: "High(444)",
};

/** general_profile_idc of ITU-T H.265 Annex A. */
const HEVC_PROFILES: Readonly<Record<number, string>> = {
  1: "Main",
  2: "Main10",
  3: "Main(still)",
};

/** seq_profile of AV1 Annex A. */
const AV1_PROFILES: Readonly<Record<number, string>> = { 0: "Main", 1: "High", 2: "Professional" };

/** Audio object types of ISO/IEC 14496-3 §1.5.1.1, by SRS's names. */
const AAC_PROFILES: Readonly<Record<number, string>> = {
  1: "Main",
  2: "LC",
  3: "SSR",
  5: "HE",
  29: "HEv2",
};

/** Describes the video of a stream with these headers. Returns null without a video header. */
export function describeVideo(headers: HeaderSet): VideoSnapshot | null {
  const payload = headers.payloadOf("video");
  if (payload === null) return null;
  const metadata = headers.payloadOf(METADATA_KEY);
  const size = metadata === null ? null : readPictureSize(metadata);
  const content = readVideo(payload);
  const config = content?.type === "config" ? content.body : new Uint8Array(0);
  return {
    codec: srsName(describeCodec(TagType.video, payload)),
    ...profileOf(content?.codec ?? null, config),
    ...(size ?? NO_SIZE),
  };
}

/** Describes the audio of a stream with these headers. Returns null without an audio header. */
export function describeAudio(headers: HeaderSet): AudioSnapshot | null {
  const payload = headers.payloadOf("audio");
  if (payload === null) return null;
  const content = readAudio(payload);
  const codec = content?.codec ?? null;
  const track = content === null || codec === null ? null : audioTrack(codec, content.body);
  const objectType = (content?.body[0] ?? 0) >>> 3;
  return {
    codec: srsName(describeCodec(TagType.audio, payload)),
    profile: codec === "aac" ? AAC_PROFILES[objectType] ?? "" : "",
    sampleRate: track?.sampleRate ?? 0,
    channels: track?.channels ?? 0,
  };
}

/** Reads profile and level from a decoder configuration record; empty where it is too short. */
function profileOf(codec: string | null, config: Uint8Array): { profile: string; level: string } {
  switch (codec) {
    case "avc":
      return { profile: AVC_PROFILES[config[1] ?? 0] ?? "", level: levelOf(config[3], 10) };
    case "hevc":
      return {
        profile: HEVC_PROFILES[(config[1] ?? 0) & 0x1f] ?? "",
        level: levelOf(config[12], 30),
      };
    case "av1": {
      const index = config[1];
      if (index === undefined) return { profile: "", level: "" };
      const level = index & 0x1f;
      // Four levels per major number, from 2.0 (AV1 Annex A.3).
      return {
        profile: AV1_PROFILES[index >>> 5] ?? "",
        level: `${2 + (level >>> 2)}.${level & 3}`,
      };
    }
    default:
      return { profile: "", level: "" };
  }
}

/** 41/10 and 123/30 are both level 4.1. Like SRS, writes 4, not 4.0. */
function levelOf(value: number | undefined, unit: number): string {
  return value === undefined ? "" : String(value / unit);
}

/** SRS writes `H264` and `AAC`. */
function srsName(name: string): string {
  return name.replaceAll(".", "");
}
