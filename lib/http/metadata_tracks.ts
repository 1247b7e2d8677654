/** Which tracks a publisher's metadata speaks of. */

import { decodeAmf0 } from "../amf/amf0_decode.ts";
import { AmfObject } from "../amf/amf_value.ts";
import type { FlvTracks } from "../media/flv_file.ts";

/** Tracks whose codec `onMetaData` names; none when it cannot be read. */
export function tracksInMetadata(payload: Uint8Array): FlvTracks {
  const properties = readProperties(payload);
  return {
    hasAudio: properties?.has("audiocodecid") === true,
    hasVideo: properties?.has("videocodecid") === true,
  };
}

function readProperties(payload: Uint8Array): ReadonlyMap<string, unknown> | null {
  try {
    const [, object] = decodeAmf0(payload);
    return object instanceof AmfObject ? object.properties : null;
  } catch {
    // What a publisher calls metadata is passed on whatever it is.
    return null;
  }
}
