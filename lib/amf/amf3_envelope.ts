import { WireError } from "../base/errors.ts";
import { Amf0Marker } from "./amf0_marker.ts";

/** Format byte of an AMF3 message whose values are AMF0. */
const AMF0_FORMAT = 0x00;

/**
 * Returns the AMF0 values in the payload of a command (type 20 or 17) or of an AMF3 data message
 * (type 15, RTMP 1.0 §7.1), as a view of the payload. All of these start with a string.
 *
 * In practice AMF3 messages are a format byte 0x00 (AMF0), followed by the bytes of a type 20 or 18
 * message. Actual AMF3 values have their own marker, which the AMF0 decoder rejects.
 *
 * @throws {WireError} `amf.amf3_unsupported` when the format is not AMF0.
 */
export function amf0BodyOf(payload: Uint8Array): Uint8Array {
  const first = payload[0];
  // DEVIATION: only AMF3 messages have a format byte (RTMP 1.0 §7.1 is silent) | because some
  //   encoders write it in types 20 and 18 too (SRS accepts that)
  //   | test "decodeCommand() reads a command with the format byte of AMF3 under type 20"
  if (first === AMF0_FORMAT) return payload.subarray(1);
  // DEVIATION: by convention (RTMP 1.0 §7.1 is silent) the format byte is first; it may be missing
  //   | because SRS 7 reads type 15 as bare AMF0, so encoders tested with it may send that
  //   | test "amf0BodyOf() accepts a payload without the format byte that starts with a string"
  if (first === Amf0Marker.string || first === Amf0Marker.longString) return payload;
  throw new WireError(
    "amf.amf3_unsupported",
    first === undefined
      ? "Cannot decode message: it is empty"
      : `Cannot decode message: format ${first} is not supported, only 0 (AMF0)`,
    { offset: 0, fix: "the peer must use objectEncoding 0 (AMF0)" },
  );
}

/**
 * Returns the payload of a data message of type 18 without a format byte in front of its name, as a
 * view; the payload itself if there is none.
 */
export function withoutFormatByte(payload: Uint8Array): Uint8Array {
  const isNamed = payload[1] === Amf0Marker.string || payload[1] === Amf0Marker.longString;
  return payload[0] === AMF0_FORMAT && isNamed ? payload.subarray(1) : payload;
}
