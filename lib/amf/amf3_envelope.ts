import { WireError } from "../base/errors.ts";
import { Amf0Marker } from "./amf0_marker.ts";

const AMF0_FORMAT = 0x00;

/**
 * Returns the AMF0 values in the payload of an AMF3 command (type 17) or data message (type 15,
 * RTMP 1.0 §7.1), as a view of the payload.
 *
 * In practice these messages are a format byte 0x00 (AMF0), followed by the bytes of a type 20
 * or 18 message. Actual AMF3 values have their own marker, which the AMF0 decoder rejects.
 *
 * @throws {WireError} `amf.amf3_unsupported` when the format is not AMF0.
 */
export function amf0BodyOf(payload: Uint8Array): Uint8Array {
  const first = payload[0];
  if (first === AMF0_FORMAT) return payload.subarray(1);
  // DEVIATION: by convention (RTMP 1.0 §7.1 is silent) the format byte is first; it may be missing
  //   | because SRS 7 reads type 15 as bare AMF0, so encoders tested with it may send that
  //   | test "amf0BodyOf() accepts a payload without the format byte that starts with a string"
  if (first === Amf0Marker.string) return payload;
  throw new WireError(
    "amf.amf3_unsupported",
    first === undefined
      ? "Cannot decode AMF3 message: it is empty"
      : `Cannot decode AMF3 message: format ${first} is not supported, only 0 (AMF0)`,
    { offset: 0, fix: "the peer must use objectEncoding 0 (AMF0)" },
  );
}
