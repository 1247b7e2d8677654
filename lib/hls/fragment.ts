import { concatBytes, decodeUtf8, readU32, writeU32 } from "../base/bytes.ts";
import { type Packet, type Part, trackEndMs } from "./part.ts";

/** A track of an init segment. */
export interface FragmentTrack {
  readonly id: number;
  readonly isVideo: boolean;
  /** Ticks per second. */
  readonly timescale: number;
}

/** Flags of samples (ISO/IEC 14496-12 §8.8.3.1): one that depends on no others, and others. */
const SYNC_SAMPLE = 0x02000000;
const OTHER_SAMPLE = 0x01010000;

/** `default-base-is-moof` (§8.8.7.1). */
const BASE_IS_MOOF = 0x020000;

/** Data offset; duration, size, flags and composition offset of each sample (§8.8.8.1). */
const RUN_FIELDS = 0x1 | 0x100 | 0x200 | 0x400 | 0x800;
const SAMPLE_BYTES = 16;

const HEADER_BYTES = 8;

/**
 * How much later than its stamp a segment begins.
 *
 * DEVIATION: a tick, some 20 µs | because Shaka compares the time of each part with the playlist,
 * to within 1 ms after it has moved the first one by 1 ms: rounding decides, and where it decides
 * against, Shaka drops what precedes the next keyframe. With the delay, other parts are within it |
 * test "hls.js shows frames of low-latency HLS within 3 s, behind nginx, too; Shaka plays it"
 */
const DELAY_TICKS = 1;

/** Returns the tracks of an init segment (§8.3, §8.4); those of unknown kinds are left out. */
export function tracksOfInit(init: Uint8Array): FragmentTrack[] {
  const moov = childOf(init, "moov", 0);
  return boxesOf(moov, HEADER_BYTES).filter(({ type }) => type === "trak").flatMap(({ box }) => {
    const tkhd = childOf(box, "tkhd");
    const mdia = childOf(box, "mdia");
    const mdhd = childOf(mdia, "mdhd");
    const handler = decodeUtf8(childOf(mdia, "hdlr").subarray(16, 20));
    if (handler !== "vide" && handler !== "soun") return [];
    // Version 1 has times of eight bytes.
    const timesBytes = (box: Uint8Array) => box[HEADER_BYTES] === 1 ? 16 : 8;
    return [{
      id: readU32(tkhd, HEADER_BYTES + 4 + timesBytes(tkhd)),
      isVideo: handler === "vide",
      timescale: readU32(mdhd, HEADER_BYTES + 4 + timesBytes(mdhd)),
    }];
  });
}

/**
 * Returns a movie fragment, `moof` and `mdat` (§8.8), with the packets of these tracks; others are
 * left out.
 *
 * @param sequence Number of the fragment, from 1.
 * @param part When the next packet of the leading track is decoded, and whether the fragment is the
 *   first or last one of its segment.
 */
export function muxFragment(
  tracks: readonly FragmentTrack[],
  packets: readonly Packet[],
  sequence: number,
  { endMs, isFirst, isLast }: Pick<Part, "endMs" | "isFirst" | "isLast">,
): Uint8Array<ArrayBuffer> {
  const runs = tracks.map((track) => ({
    track,
    packets: packets.filter(({ isVideo }) => isVideo === track.isVideo),
  })).filter(({ packets }) => packets.length > 0);
  const moofBytes = fragmentBytes(runs.map(({ packets }) => packets.length));
  let dataAt = moofBytes + HEADER_BYTES;
  const hasVideo = runs.some(({ track }) => track.isVideo);
  const trafs = runs.map((run) => {
    const isLeading = run.track.isVideo === hasVideo;
    const timesMs = run.packets.map(({ decodeMs }) => decodeMs);
    timesMs.push(trackEndMs(run.packets, endMs, isLeading));
    const times = timesMs.map((ms) => toTicks(ms, run.track));
    if (isLeading && isFirst) times[0]! += DELAY_TICKS;
    if (isLeading && isLast) times[times.length - 1]! += DELAY_TICKS;
    const traf = trafOf(run.track, run.packets, { times, dataAt });
    dataAt += run.packets.reduce((sum, { data }) => sum + data.length, 0);
    return traf;
  });
  const moof = box("moof", fullBox("mfhd", 0, 0, u32(sequence)), ...trafs);
  const head = new Uint8Array(HEADER_BYTES);
  writeU32(head, 0, dataAt - moofBytes);
  head.set(letters("mdat"), 4);
  const data = runs.flatMap(({ packets }) => packets.map(({ data }) => data));
  return concatBytes([moof, head, ...data]);
}

/** Length of a `moof` whose runs have that many samples. */
function fragmentBytes(counts: readonly number[]): number {
  const mfhd = HEADER_BYTES + 8;
  // traf, tfhd, tfdt, trun
  const traf = HEADER_BYTES + (HEADER_BYTES + 8) + (HEADER_BYTES + 12) + (HEADER_BYTES + 12);
  return counts.reduce((sum, count) => sum + traf + count * SAMPLE_BYTES, HEADER_BYTES + mfhd);
}

function toTicks(ms: number, { timescale }: FragmentTrack): number {
  return Math.round(ms * timescale / 1000);
}

/** @param times When the packets are decoded, and when the last one is over, in ticks. */
function trafOf(
  track: FragmentTrack,
  packets: readonly Packet[],
  { times, dataAt }: { readonly times: readonly number[]; readonly dataAt: number },
): Uint8Array {
  const firstAt = times[0]!;
  const run = new Uint8Array(8 + packets.length * SAMPLE_BYTES);
  writeU32(run, 0, packets.length);
  writeU32(run, 4, dataAt);
  for (const [index, { decodeMs, presentMs, data, isKey }] of packets.entries()) {
    const at = 8 + index * SAMPLE_BYTES;
    writeU32(run, at, Math.max(0, times[index + 1]! - times[index]!));
    writeU32(run, at + 4, data.length);
    writeU32(run, at + 8, isKey ? SYNC_SAMPLE : OTHER_SAMPLE);
    writeU32(run, at + 12, (toTicks(presentMs, track) - toTicks(decodeMs, track)) >>> 0);
  }
  const decodeTime = concatBytes([u32(Math.floor(firstAt / 2 ** 32)), u32(firstAt)]);
  return box(
    "traf",
    fullBox("tfhd", 0, BASE_IS_MOOF, u32(track.id)),
    fullBox("tfdt", 1, 0, decodeTime),
    // Version 1: composition offsets are signed.
    fullBox("trun", 1, RUN_FIELDS, run),
  );
}

function box(type: string, ...contents: readonly Uint8Array[]): Uint8Array {
  const length = contents.reduce((sum, { length }) => sum + length, HEADER_BYTES);
  return concatBytes([u32(length), letters(type), ...contents]);
}

function fullBox(type: string, version: number, flags: number, content: Uint8Array): Uint8Array {
  return box(type, u32(version * 2 ** 24 + flags), content);
}

function u32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value >>> 0);
  return bytes;
}

function letters(type: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(type, (letter) => letter.charCodeAt(0));
}

/** Returns the first child of this type; empty if there is none. */
function childOf(parent: Uint8Array, type: string, from = HEADER_BYTES): Uint8Array {
  return boxesOf(parent, from).find((child) => child.type === type)?.box ?? parent.subarray(0, 0);
}

function boxesOf(bytes: Uint8Array, from: number): { type: string; box: Uint8Array }[] {
  const boxes: { type: string; box: Uint8Array }[] = [];
  for (let at = from; at + HEADER_BYTES <= bytes.length;) {
    const length = readU32(bytes, at);
    if (length < HEADER_BYTES) break;
    const type = decodeUtf8(bytes.subarray(at + 4, at + HEADER_BYTES));
    boxes.push({ type, box: bytes.subarray(at, at + length) });
    at += length;
  }
  return boxes;
}
