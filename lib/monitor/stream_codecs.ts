/**
 * Codecs of a stream as SRS's API names them, from the headers that the stream keeps. Runs per
 * request of the API, never per message.
 */

import { type HeaderSet, METADATA_KEY } from "../hub/header_set.ts";
import { describeCodec } from "../media/codec_name.ts";
import { readAudio, readVideo } from "../media/flv_content.ts";
import { TagType } from "../media/flv_layout.ts";
import { readEncoder, readFrameSize } from "../media/frame_size.ts";
import type { AudioSnapshot, VideoSnapshot } from "./server_view.ts";

const NO_SIZE = { width: 0, height: 0 };
const NO_FORMAT = { sampleRate: 0, channels: 0 };
const NO_PROFILE = { profile: "", level: "" };
const NO_BYTES = new Uint8Array(0);

/** Describes the video of a stream with these headers; null without a video header. */
export function describeVideo(headers: HeaderSet): VideoSnapshot | null {
  const payload = headers.payloadOf("video");
  if (payload === null) return null;
  const content = readVideo(payload);
  const metadata = headers.payloadOf(METADATA_KEY);
  return {
    codec: srsName(describeCodec(TagType.video, payload)),
    ...(content?.codec?.readProfile(content.body) ?? NO_PROFILE),
    ...(metadata === null ? NO_SIZE : readFrameSize(metadata) ?? NO_SIZE),
  };
}

/** Describes the audio of a stream with these headers; null without an audio header. */
export function describeAudio(headers: HeaderSet): AudioSnapshot | null {
  const payload = headers.payloadOf("audio");
  if (payload === null) return null;
  const { codec, body } = readAudio(payload) ?? { codec: null, body: NO_BYTES };
  return {
    codec: srsName(describeCodec(TagType.audio, payload)),
    profile: codec?.readProfile(body).profile ?? "",
    ...(codec?.readFormat(body) ?? NO_FORMAT),
  };
}

/** Returns the encoder that the metadata names, cut to 64 characters; or empty. */
export function describeEncoder(headers: HeaderSet): string {
  const metadata = headers.payloadOf(METADATA_KEY);
  return metadata === null ? "" : readEncoder(metadata);
}

/** SRS writes `H264`, not `H.264`. */
function srsName(name: string): string {
  return name.replaceAll(".", "");
}
