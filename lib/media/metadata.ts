/**
 * Metadata messages (type 18) as bytes. They are relayed untouched but for the leading string
 * `@setDataFrame`: it is an order to the server ("keep this for those who join later"), so publishers
 * send it and players do not get it.
 */

import { concatBytes, encodeUtf8, readU32 } from "../base/bytes.ts";

/** AMF0 markers of text; a length of two or four bytes follows. */
const STRING = 0x02;
const LONG_STRING = 0x0c;

const SET_DATA_FRAME = encodeUtf8("@setDataFrame");
const CLEAR_DATA_FRAME = encodeUtf8("@clearDataFrame");
const ON_META_DATA = encodeUtf8("onMetaData");

/** What {@linkcode withSetDataFrame} puts in front. */
const SET_DATA_FRAME_VALUE = concatBytes([
  new Uint8Array([STRING, 0, SET_DATA_FRAME.length]),
  SET_DATA_FRAME,
]);

/** Whether the payload is `onMetaData`, with or without `@setDataFrame` before it. */
export function isMetadata(payload: Uint8Array): boolean {
  return stringEnd(stripSetDataFrame(payload), ON_META_DATA) > 0;
}

/** Whether the payload takes the metadata back: `@clearDataFrame`, then `onMetaData`. */
export function isClearDataFrame(payload: Uint8Array): boolean {
  const end = stringEnd(payload, CLEAR_DATA_FRAME);
  return end > 0 && stringEnd(payload.subarray(end), ON_META_DATA) > 0;
}

/** The payload without a leading `@setDataFrame`: a view of the same memory. */
export function stripSetDataFrame(payload: Uint8Array): Uint8Array {
  return payload.subarray(stringEnd(payload, SET_DATA_FRAME));
}

/** The payload with a leading `@setDataFrame`: itself when it has one, else a copy. */
export function withSetDataFrame(payload: Uint8Array): Uint8Array {
  if (stringEnd(payload, SET_DATA_FRAME) > 0) return payload;
  return concatBytes([SET_DATA_FRAME_VALUE, payload]);
}

/**
 * Where the AMF0 string or long string ends that the payload begins with, if its text is `text`; 0 when
 * the payload begins otherwise.
 */
function stringEnd(payload: Uint8Array, text: Uint8Array): number {
  const textAt = payload[0] === LONG_STRING ? 5 : 3;
  const end = textAt + text.length;
  if (payload.length < end || stringLength(payload) !== text.length) return 0;
  for (let i = 0; i < text.length; i++) {
    if (payload[textAt + i] !== text[i]) return 0;
  }
  return end;
}

/** Length of the text that the payload begins with; -1 for other values. The caller has checked the bounds. */
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
