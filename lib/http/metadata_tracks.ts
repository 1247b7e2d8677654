import { decodeAmf0 } from "../amf/amf0_decode.ts";
import { AmfObject } from "../amf/amf_value.ts";
import type { FlvTracks } from "../media/flv_file.ts";

/** Returns the tracks whose codec a publisher's `onMetaData` names; none if it is unreadable. */
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
    // Metadata is relayed even if it is not valid.
    return null;
  }
}
