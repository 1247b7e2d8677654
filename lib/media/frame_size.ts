import { AmfObject } from "../amf/amf_value.ts";
import { decodeAmf0, decodeAmf0Prefix } from "../amf/amf0_decode.ts";

/** Size of a video frame, in pixels. */
export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

const MAX_SIDE = 65_535;

const MAX_ENCODER_LENGTH = 64;

/** Returns the name of the encoder that an `onMetaData` message states, or an empty text. */
export function readEncoder(payload: Uint8Array): string {
  const { values } = decodeAmf0Prefix(payload);
  const encoder = values.find((value) => value instanceof AmfObject)?.get("encoder");
  return typeof encoder === "string" ? encoder.slice(0, MAX_ENCODER_LENGTH) : "";
}

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
