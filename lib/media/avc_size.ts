import type { FrameSize } from "./frame_size.ts";

/** Offset of the first sequence parameter set in an AVCDecoderConfigurationRecord. */
const FIRST_SET_AT = 8;

/** Profiles whose sequence parameter sets describe the chroma format (H.264 §7.3.2.1.1). */
const CHROMA_PROFILES = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

const MAX_SIDE = 16_384;

/**
 * Returns the size of the video that an AVCDecoderConfigurationRecord announces in its first
 * sequence parameter set (H.264 §7.3.2.1.1), without what cropping removes. Null if it is damaged.
 * Never throws.
 */
export function readAvcSize(record: Uint8Array): FrameSize | null {
  const bits = new BitReader(unescape(record.subarray(FIRST_SET_AT)));
  bits.skip(8);
  const profile = bits.read(8);
  bits.skip(16);
  bits.golomb();
  const chroma = CHROMA_PROFILES.has(profile) ? readChroma(bits) : 1;
  bits.golomb();
  skipOrderCount(bits);
  bits.golomb();
  bits.skip(1);
  const columns = bits.golomb() + 1;
  const rows = bits.golomb() + 1;
  const isProgressive = bits.read(1) === 1;
  if (!isProgressive) bits.skip(1);
  bits.skip(1);
  const [left, right, top, bottom] = bits.read(1) === 1
    ? [bits.golomb(), bits.golomb(), bits.golomb(), bits.golomb()]
    : [0, 0, 0, 0];
  const fields = isProgressive ? 1 : 2;
  const stepX = chroma === 1 || chroma === 2 ? 2 : 1;
  const stepY = (chroma === 1 ? 2 : 1) * fields;
  const width = columns * 16 - (left + right) * stepX;
  const height = rows * 16 * fields - (top + bottom) * stepY;
  const isPossible = width > 0 && height > 0 && width <= MAX_SIDE && height <= MAX_SIDE;
  return bits.isOver || !isPossible ? null : { width, height };
}

/** Returns the chroma format; skips bit depths and scaling matrices. */
function readChroma(bits: BitReader): number {
  const chroma = bits.golomb();
  if (chroma === 3) bits.skip(1);
  bits.golomb();
  bits.golomb();
  bits.skip(1);
  if (bits.read(1) === 1) {
    for (let list = 0; list < (chroma === 3 ? 12 : 8); list++) {
      if (bits.read(1) === 1) skipScalingList(bits, list < 6 ? 16 : 64);
    }
  }
  return chroma;
}

function skipScalingList(bits: BitReader, size: number): void {
  let [last, next] = [8, 8];
  for (let index = 0; index < size && !bits.isOver; index++) {
    if (next !== 0) next = (last + bits.signedGolomb() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipOrderCount(bits: BitReader): void {
  const type = bits.golomb();
  if (type === 0) bits.golomb();
  if (type !== 1) return;
  bits.skip(1);
  bits.golomb();
  bits.golomb();
  for (let left = bits.golomb(); left > 0 && !bits.isOver; left--) bits.golomb();
}

/** Removes the bytes that keep start codes out of a NAL unit (H.264 §7.4.1). */
function unescape(unit: Uint8Array): Uint8Array {
  const bytes: number[] = [];
  let zeros = 0;
  for (const byte of unit.subarray(0, 512)) {
    const isEscape = zeros >= 2 && byte === 3;
    zeros = byte === 0 ? zeros + 1 : 0;
    if (!isEscape) bytes.push(byte);
  }
  return new Uint8Array(bytes);
}

/** Reads bits, the most significant first; zeros past the end. */
class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isOver(): boolean {
    return this.#at > this.#bytes.length * 8;
  }

  skip(count: number): void {
    this.#at += count;
  }

  read(count: number): number {
    let value = 0;
    for (let left = count; left > 0; left--, this.#at++) {
      value = value * 2 + (((this.#bytes[this.#at >>> 3] ?? 0) >>> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  /** Exp-Golomb code (H.264 §9.1). */
  golomb(): number {
    let zeros = 0;
    while (zeros < 32 && !this.isOver && this.read(1) === 0) zeros++;
    return 2 ** zeros - 1 + this.read(zeros);
  }

  signedGolomb(): number {
    const code = this.golomb();
    return code % 2 === 0 ? -code / 2 : (code + 1) / 2;
  }
}
