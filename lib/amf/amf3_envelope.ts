/**
 * RTMP command and data messages that are labelled AMF3 (types 17 and 15, RTMP 1.0 §7.1).
 *
 * In practice they are AMF0 in a thin envelope: one byte 0x00, "the format is AMF0", and then the very
 * bytes of a type 20 or 18 message. Real AMF3 values behind it would start with their own marker, which
 * the AMF0 decoder refuses.
 */

import { WireError } from "../base/errors.ts";
import { Amf0Marker } from "./amf0_marker.ts";

const AMF0_FORMAT = 0x00;

/**
 * The AMF0 values inside the payload of an AMF3 command (type 17) or data message (type 15): a view of
 * the payload's memory.
 *
 * @throws WireError `amf.amf3_unsupported` when the payload does not announce AMF0.
 */
export function amf0BodyOf(payload: Uint8Array): Uint8Array {
  const first = payload[0];
  if (first === AMF0_FORMAT) return payload.subarray(1);
  // DEVIATION: custom (RTMP 1.0 §7.1 is silent) puts the format first; a string may come first as well
  //   | because SRS 7 reads type 15 as bare AMF0, so encoders that were tried with it may send just that
  //   | test "amf0BodyOf() takes a payload without the format byte when it opens with a string"
  if (first === Amf0Marker.string) return payload;
  throw new WireError(
    "amf.amf3_unsupported",
    first === undefined
      ? "Cannot decode AMF3 message: it is empty"
      : `Cannot decode AMF3 message: its format is ${first}, only 0 (AMF0) is supported`,
    { offset: 0, fix: "the peer must use objectEncoding 0 (AMF0)" },
  );
}
