/** Rows of the codec table by FourCC. */

import { readU32 } from "../../lib/base/bytes.ts";
import {
  type AudioCodec,
  audioCodecs,
  type VideoCodec,
  videoCodecs,
} from "../../lib/media/codecs.ts";

/** The video codec of a FourCC such as `avc1`. */
export function videoCodec(fourcc: string): VideoCodec {
  return videoCodecs.ofFourcc(readU32(new TextEncoder().encode(fourcc), 0))!;
}

/** The audio codec of a FourCC such as `mp4a`. */
export function audioCodec(fourcc: string): AudioCodec {
  return audioCodecs.ofFourcc(readU32(new TextEncoder().encode(fourcc), 0))!;
}
