/**
 * Metadata messages (type 18) as bytes. They are relayed unchanged, except for a leading string
 * `@setDataFrame`: it asks the server to keep the metadata for new players, so publishers send it
 * and players must not get it.
 */

import { concatBytes, encodeUtf8, readU32 } from "../base/bytes.ts";

/** AMF0 markers of strings. A length of two or four bytes follows. */
const STRING = 0x02;
const LONG_STRING = 0x0c;

const SET_DATA_FRAME = encodeUtf8("@setDataFrame");
const CLEAR_DATA_FRAME = encodeUtf8("@clearDataFrame");
const ON_META_DATA = encodeUtf8("onMetaData");

/** The value that {@linkcode withSetDataFrame} prepends. */
const SET_DATA_FRAME_VALUE = concatBytes([
  new Uint8Array([STRING, 0, SET_DATA_FRAME.length]),
  SET_DATA_FRAME,
]);

/** Whether a payload is `onMetaData`, with or without a leading `@setDataFrame`. */
export function isMetadata(payload: Uint8Array): boolean {
  return stringEnd(stripSetDataFrame(payload), ON_META_DATA) > 0;
}

/** Whether a payload clears the metadata: `@clearDataFrame`, then `onMetaData`. */
export function isClearDataFrame(payload: Uint8Array): boolean {
  const end = stringEnd(payload, CLEAR_DATA_FRAME);
  return end > 0 && stringEnd(payload.subarray(end), ON_META_DATA) > 0;
}

/** Returns a payload without a leading `@setDataFrame`: a view of the same memory. */
export function stripSetDataFrame(payload: Uint8Array): Uint8Array {
  return payload.subarray(stringEnd(payload, SET_DATA_FRAME));
}

/** Returns a payload with a leading `@setDataFrame`: itself if it has one, else a copy. */
export function withSetDataFrame(payload: Uint8Array): Uint8Array {
  if (stringEnd(payload, SET_DATA_FRAME) > 0) return payload;
  return concatBytes([SET_DATA_FRAME_VALUE, payload]);
}

/** Returns the end of the AMF0 string that a payload starts with if it is `text`, else 0. */
function stringEnd(payload: Uint8Array, text: Uint8Array): number {
  const textAt = payload[0] === LONG_STRING ? 5 : 3;
  const end = textAt + text.length;
  if (payload.length < end || stringLength(payload) !== text.length) return 0;
  for (let i = 0; i < text.length; i++) {
    if (payload[textAt + i] !== text[i]) return 0;
  }
  return end;
}

/** Returns the length of the string a payload starts with, else -1. Callers check the bounds. */
function stringLength(payload: Uint8Array): number {
  switch (payload[0]) {
    case STRING:
      return (payload[1]! << 8) | payload[2]!;
    case LONG_STRING:
      return readU32(payload, 1);
    default:
      return -1;
  }
}
