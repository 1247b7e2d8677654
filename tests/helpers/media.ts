/** Payloads of any length that contain a number by which tests recognise them. */

import { hex } from "./hex.ts";

export { AAC_HEADER, AVC_HEADER, METADATA, SET_METADATA } from "./tiny_media.ts";

/** `@clearDataFrame`, `onMetaData`. */
export const CLEAR_METADATA = hex(`
  02 000f 40636c656172446174614672616d65
  02 000a 6f6e4d65746144617461
`);

/** An AVC keyframe: 17, 01, composition time 0, number, zeros. */
export function keyframe(id = 0, length = 9): Uint8Array<ArrayBuffer> {
  return numbered("17 01 000000", id, length);
}

/** An AVC video frame that depends on earlier ones. */
export function interFrame(id = 0, length = 9): Uint8Array<ArrayBuffer> {
  return numbered("27 01 000000", id, length);
}

/** An AAC audio frame. */
export function audioFrame(id = 0, length = 6): Uint8Array<ArrayBuffer> {
  return numbered("af 01", id, length);
}

/** Returns the number in a video or audio frame. */
export function idOf(payload: Uint8Array): number {
  const at = payload[0] === 0xaf ? 2 : 5;
  return new DataView(payload.buffer, payload.byteOffset).getUint32(at);
}

function numbered(head: string, id: number, length: number): Uint8Array<ArrayBuffer> {
  const start = hex(head);
  const payload = new Uint8Array(length);
  payload.set(start);
  new DataView(payload.buffer).setUint32(start.length, id);
  return payload;
}
