/** Reads ISO boxes (ISO/IEC 14496-12 §4.2): a length, a type, content. */

import { assert } from "./assert.ts";

interface Box {
  readonly type: string;
  readonly body: DataView;
}

/** Those that contain boxes only. */
const CONTAINERS = ["moov", "trak", "mdia", "moof", "traf"];

/** Splits bytes into boxes. @throws {Error} when they do not fit */
export function boxesIn({ buffer, byteOffset, byteLength }: ArrayBufferView): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < byteLength;) {
    const head = new DataView(buffer, byteOffset + at, 8);
    const length = head.getUint32(0);
    assert(length >= 8 && at + length <= byteLength, `box of ${length} at ${at}`);
    const type = String.fromCharCode(...[4, 5, 6, 7].map((index) => head.getUint8(index)));
    boxes.push({ type, body: new DataView(buffer, byteOffset + at + 8, length - 8) });
    at += length;
  }
  return boxes;
}

/** Returns the content of all boxes of a type, in order, at any depth. */
export function findBoxes(type: string, bytes: ArrayBufferView): DataView[] {
  return boxesIn(bytes).flatMap((box) =>
    box.type === type ? [box.body] : CONTAINERS.includes(box.type) ? findBoxes(type, box.body) : []
  );
}

/** Returns the first number after version and flags of each box of a type. */
export function numbersOf(type: "mfhd" | "tfhd" | "trun", bytes: ArrayBufferView): number[] {
  return findBoxes(type, bytes).map((body) => body.getUint32(4));
}
