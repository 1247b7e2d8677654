/** Frames that say which one they are and when they left, so that whoever plays them can check both. */

import { hex } from "../tests/helpers/hex.ts";

/** Message types of RTMP. */
export const AUDIO = 8;
export const VIDEO = 9;

/** AVC, sequence header: baseline profile, 640 × 360. */
export const AVC_HEADER = hex(`
  17 00 000000             // keyframe, AVC; sequence header
  01 42C01E FF             // configuration version 1, profile and level 3.0, 4-byte lengths
  E1 0019 6742C01E D900A02F F9701100 00030001 00000300 320F162E 48  // SPS
  01 0005 68CB83CB 20      // PPS
`);

/** AAC, sequence header: low complexity, 44.1 kHz, stereo. */
export const AAC_HEADER = hex("AF 00 1210");

const KEYFRAME = hex("17 01 000000");
const INTER_FRAME = hex("27 01 000000");
const SOUND = hex("AF 01");

/** Number (u32) and time of sending in ms of `performance.now()` (f64), behind the codec's own bytes. */
const STAMP_BYTES = 12;

/** Bytes to fill frames with: any that do not repeat. */
const NOISE = crypto.getRandomValues(new Uint8Array(60_000));
const NOISE_PHASES = 4096;

/** A frame as a player finds it. */
export interface Frame {
  readonly number: number;
  /** When it was sent, in ms of the sender's clock. */
  readonly sentMs: number;
  /** Every other byte is what was sent. */
  readonly isIntact: boolean;
}

/** Makes a frame of `size` bytes, stamped with now. */
export function makeFrame(
  frame: { kind: "keyframe" | "inter" | "sound"; number: number; size: number },
): Uint8Array {
  const { kind, number, size } = frame;
  const head = kind === "sound" ? SOUND : kind === "inter" ? INTER_FRAME : KEYFRAME;
  const payload = new Uint8Array(size);
  payload.set(head);
  const view = new DataView(payload.buffer, head.length);
  view.setUint32(0, number);
  view.setFloat64(4, performance.now());
  payload.set(noise(number, size - head.length - STAMP_BYTES), head.length + STAMP_BYTES);
  return payload;
}

/** Reads a frame, or null when it is a sequence header. */
export function readFrame(typeId: number, payload: Uint8Array): Frame | null {
  if (payload[1] === 0) return null;
  const headBytes = typeId === AUDIO ? SOUND.length : KEYFRAME.length;
  const view = new DataView(payload.buffer, payload.byteOffset + headBytes);
  const number = view.getUint32(0);
  const body = payload.subarray(headBytes + STAMP_BYTES);
  return {
    number,
    sentMs: view.getFloat64(4),
    isIntact: isEqual(body, noise(number, body.length)),
  };
}

function noise(number: number, length: number): Uint8Array {
  const start = number % NOISE_PHASES;
  return NOISE.subarray(start, start + length);
}

/** A plain loop: the quickest there is without copies. */
function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  for (let at = 0; at < left.length; at++) {
    if (left[at] !== right[at]) return false;
  }
  return true;
}
