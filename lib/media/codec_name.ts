import { readU32 } from "../base/bytes.ts";
import { audioCodecs, videoCodecs } from "./codecs.ts";
import {
  FOURCC_BYTES,
  isEnhanced,
  isMultitrack,
  lowNibble,
  packetTypeAt,
  TagType,
} from "./flv_layout.ts";

/**
 * Names the codec of an audio (type 8) or video (type 9) payload, e.g. `H.264` or `Opus`; that of
 * the first track if there are several. Returns `unknown 0x…` with the legacy id or FourCC of an
 * unknown codec, and `unknown` for a payload that is cut short. Never throws.
 */
export function describeCodec(typeId: number, payload: Uint8Array): string {
  if (payload.length === 0) return "unknown";
  const codecs = typeId === TagType.audio ? audioCodecs : videoCodecs;
  if (isEnhanced(typeId, payload)) {
    const at = fourccAt(typeId, payload);
    if (at + FOURCC_BYTES > payload.length) return "unknown";
    const fourcc = readU32(payload, at);
    return codecs.ofFourcc(fourcc)?.name ?? unknown(fourcc, 8);
  }
  const id = typeId === TagType.audio ? payload[0]! >>> 4 : payload[0]! & 0x0f;
  return codecs.ofLegacyId(id)?.name ?? unknown(id, 2);
}

function fourccAt(typeId: number, payload: Uint8Array): number {
  const at = packetTypeAt(payload);
  return isMultitrack(typeId, lowNibble(payload, at)) ? at + 2 : at + 1;
}

function unknown(value: number, digits: number): string {
  return `unknown 0x${value.toString(16).padStart(digits, "0")}`;
}
