import { encodeFlvHeader, encodeFlvTag, type FlvTag } from "../../lib/media/flv_file.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { SlateFile } from "../../lib/server/slate_file.ts";
import { interFrame, keyframe, type TinyMessage, videoHeader } from "./tiny_media.ts";

/** Marks the frames of {@linkcode tinySlate}. */
export const SLATE_MARK = 0x77;

/** Between two frames of it, in ms. */
const SLATE_FRAME_MS = 40;

/** Frames of one round of it. */
const SLATE_FRAMES = 25;

/** Returns the bytes of an FLV file. */
export function flvOf(...messages: readonly TinyMessage[]): Uint8Array {
  const tags = messages.map((message): FlvTag => message);
  return concatBytes([encodeFlvHeader(), ...tags.map(encodeFlvTag)]);
}

/** Returns a slate of one second: a header, and video frames of which the first is a keyframe. */
export function tinySlate(): SlateFile {
  const frames = Array.from({ length: SLATE_FRAMES }, (_, number) => {
    const make = number === 0 ? keyframe : interFrame;
    return make(9_000 + number * SLATE_FRAME_MS, SLATE_MARK, 300);
  });
  return SlateFile.parse(flvOf(videoHeader(9_000), ...frames));
}
