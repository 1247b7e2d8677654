/** The smallest messages that a relay can distinguish, written by hand. */

import { hex } from "./hex.ts";

/** An audio (8), video (9) or data (18) message. */
export interface TinyMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** `onMetaData` with an empty ECMA array, as sent to players. */
export const METADATA = hex(`
  02 000A 6F6E4D65746144617461  // "onMetaData"
  08 00000000 000009            // {}
`);

/** The same, as sent by an encoder. */
export const SET_METADATA = hex(`
  02 000D 40736574446174614672616D65  // "@setDataFrame"
  02 000A 6F6E4D65746144617461        // "onMetaData"
  08 00000000 000009                  // {}
`);

/** Payload of an AVC sequence header. */
export const AVC_HEADER = hex("17 00 000000 01640020");

/** Payload of an AAC sequence header. */
export const AAC_HEADER = hex("AF 00 1210");

/** Metadata with timestamp 0. */
export function metadata(): TinyMessage {
  return { typeId: 18, timestampMs: 0, payload: METADATA };
}

/** An AVC sequence header. */
export function videoHeader(timestampMs = 0): TinyMessage {
  return { typeId: 9, timestampMs, payload: AVC_HEADER };
}

/** An AAC sequence header. */
export function audioHeader(timestampMs = 0): TinyMessage {
  return { typeId: 8, timestampMs, payload: AAC_HEADER };
}

/** An AVC keyframe with `size` bytes of payload, filled with `mark`. */
export function keyframe(timestampMs: number, mark = 0x65, size = 16): TinyMessage {
  return { typeId: 9, timestampMs, payload: videoPayload("17 01 000000", mark, size) };
}

/** An AVC video frame that depends on earlier ones. */
export function interFrame(timestampMs: number, mark = 0x41, size = 16): TinyMessage {
  return { typeId: 9, timestampMs, payload: videoPayload("27 01 000000", mark, size) };
}

/** An AAC frame. */
export function audioFrame(timestampMs: number, mark = 0x21): TinyMessage {
  return { typeId: 8, timestampMs, payload: hex(`AF 01 ${hexByte(mark)}`) };
}

function videoPayload(head: string, mark: number, size: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(size).fill(mark);
  payload.set(hex(head));
  return payload;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}
