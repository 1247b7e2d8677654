/** What `onMetaData` says of the tracks of a stream. */

import { decodeAmf0 } from "../amf/amf0_decode.ts";
import { encodeAmf0 } from "../amf/amf0_encode.ts";
import { AmfObject, type AmfValue } from "../amf/amf_value.ts";
import type { FlvTracks } from "./flv_file.ts";

/** Properties of the audio track, besides those that start with "audio" (FLV E.5, OBS, ffmpeg). */
const AUDIO_NAMES: readonly string[] = ["stereo", "hasAudio"];

/** Properties of the video track, besides those that start with "video". */
const VIDEO_NAMES: readonly string[] = [
  ...["width", "height", "displayWidth", "displayHeight", "framerate", "fps", "hasVideo"],
  ...["hasKeyframes", "avcprofile", "avclevel"],
];

/** Returns the tracks whose codec a publisher's `onMetaData` names; none if it is unreadable. */
export function tracksInMetadata(payload: Uint8Array): FlvTracks {
  const properties = read(payload)?.object.properties;
  return {
    hasAudio: properties?.has("audiocodecid") === true,
    hasVideo: properties?.has("videocodecid") === true,
  };
}

/**
 * Returns `onMetaData` without the properties of `track`: `payload` itself if it has none, or is
 * unreadable.
 */
export function metadataWithout(track: "audio" | "video", payload: Uint8Array): Uint8Array {
  const metadata = read(payload);
  if (metadata === null) return payload;
  const { values, object } = metadata;
  const kept = [...object.properties].filter(([name]) => !isOf(track, name));
  if (kept.length === object.properties.size) return payload;
  const stripped = new AmfObject(object.kind, new Map(kept), object.className);
  try {
    return encodeAmf0(values.map((value) => value === object ? stripped : value));
  } catch {
    // A name that is not UTF-8 may grow beyond the limit of AMF0.
    return payload;
  }
}

function isOf(track: "audio" | "video", name: string): boolean {
  return name.startsWith(track) || (track === "audio" ? AUDIO_NAMES : VIDEO_NAMES).includes(name);
}

function read(payload: Uint8Array): { values: AmfValue[]; object: AmfObject } | null {
  try {
    const values = decodeAmf0(payload);
    const object = values[1];
    return object instanceof AmfObject ? { values, object } : null;
  } catch {
    // Metadata is relayed even if it is not valid.
    return null;
  }
}
