import { AmfObject } from "../amf/amf_value.ts";
import { decodeAmf0 } from "../amf/amf0_decode.ts";

/** Size of a video frame, in pixels. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

const MAX_SIDE = 65_535;

/** Returns the frame size that an `onMetaData` message states, or null. Never throws. */
export function readFrameSize(payload: Uint8Array): FrameSize | null {
  try {
    const values = decodeAmf0(payload).find((value) => value instanceof AmfObject);
    const [width, height] = [values?.get("width"), values?.get("height")];
    return isSide(width) && isSide(height) ? { width, height } : null;
  } catch {
    return null;
  }
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= MAX_SIDE;
}
