/** Frames that carry their number and time of sending, so that a player can check both. */

import { hex } from "../tests/helpers/hex.ts";

/** RTMP message types. */
export const AUDIO = 8;
export const VIDEO = 9;

/** AVC sequence header: baseline profile, 640 × 360. */
export const AVC_HEADER = hex(`
  17 00 000000             // keyframe, AVC; sequence header
  01 42C01E FF             // configuration version 1, profile and level 3.0, 4-byte lengths
  E1 0019 6742C01E D900A02F F9701100 00030001 00000300 320F162E 48  // SPS
  01 0005 68CB83CB 20      // PPS
`);

/** AAC sequence header: low complexity, 44.1 kHz, stereo. */
export const AAC_HEADER = hex("AF 00 1210");

const KEYFRAME = hex("17 01 000000");
const INTER_FRAME = hex("27 01 000000");
const AUDIO_FRAME = hex("AF 01");

/**
 * Number (u32) and time of sending in ms of `performance.now()` (f64), after the codec's own bytes.
 */
const STAMP_BYTES = 12;

/** Bytes that fill frames; random, so that they do not repeat. */
const NOISE = crypto.getRandomValues(new Uint8Array(60_000));
const NOISE_PHASES = 4096;

/** A frame as a player received it. */
interface Frame {
  readonly number: number;
  /** Time of sending, in ms of the sender's clock. */
  readonly sentMs: number;
  /** All other bytes are as they were sent. */
  readonly isIntact: boolean;
}

/** Makes a frame of `size` bytes, stamped with the current time. */
export function makeFrame(
  frame: { kind: "keyframe" | "inter" | "audio"; number: number; size: number },
): Uint8Array {
  const { kind, number, size } = frame;
  const head = kind === "audio" ? AUDIO_FRAME : kind === "inter" ? INTER_FRAME : KEYFRAME;
  const payload = new Uint8Array(size);
  payload.set(head);
  const view = new DataView(payload.buffer, head.length);
  view.setUint32(0, number);
  view.setFloat64(4, performance.now());
  payload.set(noise(number, size - head.length - STAMP_BYTES), head.length + STAMP_BYTES);
  return payload;
}

/** Reads a frame; returns null for a sequence header. */
export function readFrame(typeId: number, payload: Uint8Array): Frame | null {
  if (payload[1] === 0) return null;
  const headBytes = typeId === AUDIO ? AUDIO_FRAME.length : KEYFRAME.length;
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

/** A plain loop is the fastest comparison without copies. */
function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  for (let at = 0; at < left.length; at++) {
    if (left[at] !== right[at]) return false;
  }
  return true;
}
