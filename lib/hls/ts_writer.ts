import {
  clockPidOf,
  programAssociation,
  programMap,
  TsPid,
  TsStreamType,
  type TsTracks,
} from "./ts_tables.ts";

const PACKET_BYTES = 188;
const HEADER_BYTES = 4;
const SYNC = 0x47;

/** Bits of a packet's second and fourth byte (§2.4.3.2). */
const BEGINS_UNIT = 0x40;
const HAS_ADAPTATION = 0x20;
const HAS_PAYLOAD = 0x10;

/** Bits of an adaptation field (§2.4.3.4). */
const RANDOM_ACCESS = 0x40;
const HAS_PCR = 0x10;

/** Length byte, flags and a program clock reference. */
const PCR_FIELD_BYTES = 8;

const VIDEO_STREAM_ID = 0xe0;
const AUDIO_STREAM_ID = 0xc0;
/** For AC-3 and E-AC-3 (ATSC A/52 Annex A). */
const PRIVATE_STREAM_ID = 0xbd;

const CLOCK_HZ = 90_000;
const CLOCK_WRAP = 2 ** 33;

/** Longest time between clock references. The standard permits 100 ms (§2.7.2). */
const PCR_PERIOD_MS = 90;

/** A longer silence is not filled with clock references: the next frame sets the clock. */
const MAX_PCR_GAP_MS = 10_000;

/** A frame in the form that a transport stream carries. */
export interface TsUnit {
  readonly isVideo: boolean;
  /** Decoding can start here. */
  readonly isKey: boolean;
  readonly decodeMs: number;
  readonly presentMs: number;
  readonly data: Uint8Array;
}

/**
 * Writes the transport stream of one channel (ISO/IEC 13818-1:2019), segment by segment.
 *
 * Continuity counters and the program clock continue from one segment to the next: VLC reports
 * errors otherwise, and set-top boxes stop.
 */
export class TsWriter {
  readonly #counters = new Map<number, number>();
  #tracks: TsTracks = { video: null, audio: null };
  #newestPcrMs: number | null = null;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** Begins a segment with its tables. At a discontinuity the clock may jump. */
  begin(tracks: TsTracks, isDiscontinuity: boolean): void {
    this.#tracks = tracks;
    this.#bytes = new Uint8Array(64 * PACKET_BYTES);
    this.#length = 0;
    if (isDiscontinuity) this.#newestPcrMs = null;
    this.#writeSection(TsPid.pat, programAssociation());
    this.#writeSection(TsPid.pmt, programMap(tracks));
  }

  /** Continues without tables, after {@linkcode end}. */
  resume(tracks: TsTracks): void {
    this.#tracks = tracks;
    this.#length = 0;
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(64 * PACKET_BYTES);
  }

  /** Appends a frame of one of the segment's tracks. */
  write(unit: TsUnit): void {
    const tracks = this.#tracks;
    const pcrPid = clockPidOf(tracks);
    const pid = unit.isVideo ? TsPid.video : TsPid.audio;
    this.#fillClock(unit.decodeMs, pcrPid);
    const isClock = pid === pcrPid && this.#mayClock(unit.decodeMs);
    if (isClock) this.#newestPcrMs = unit.decodeMs;
    const streamType = unit.isVideo ? tracks.video! : tracks.audio!;
    const head = pesHeader(unit, streamIdOf(streamType));
    this.#writePes(pid, [head, unit.data], {
      pcrMs: isClock ? unit.decodeMs : null,
      isRandomAccess: unit.isKey,
    });
  }

  /** Returns the segment, which the caller owns. */
  end(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Writes packets that hold nothing but the clock, where frames are too far apart. */
  #fillClock(untilMs: number, pcrPid: number): void {
    if (this.#newestPcrMs === null || untilMs - this.#newestPcrMs > MAX_PCR_GAP_MS) return;
    while (untilMs - this.#newestPcrMs > PCR_PERIOD_MS) {
      this.#newestPcrMs += PCR_PERIOD_MS;
      const at = this.#nextPacket(pcrPid, {
        begins: false,
        hasPayload: false,
        hasAdaptation: true,
      });
      this.#writeAdaptation(at, PACKET_BYTES - HEADER_BYTES, {
        pcrMs: this.#newestPcrMs,
        isRandomAccess: false,
      });
    }
  }

  /** The clock never goes back. */
  #mayClock(timeMs: number): boolean {
    return this.#newestPcrMs === null || timeMs > this.#newestPcrMs;
  }

  /** Writes a section that fits into one packet. */
  #writeSection(pid: number, section: Uint8Array): void {
    const at = this.#nextPacket(pid, { begins: true, hasPayload: true, hasAdaptation: false });
    const bytes = this.#bytes;
    // Pointer field: the section follows at once.
    bytes[at + HEADER_BYTES] = 0;
    bytes.set(section, at + HEADER_BYTES + 1);
    bytes.fill(0xff, at + HEADER_BYTES + 1 + section.length, at + PACKET_BYTES);
  }

  #writePes(pid: number, parts: readonly Uint8Array[], first: Adaptation): void {
    const source = new PartReader(parts);
    for (let isFirst = true; source.left > 0; isFirst = false) {
      const wantedBytes = isFirst ? adaptationBytes(first) : 0;
      const room = PACKET_BYTES - HEADER_BYTES - wantedBytes;
      // The adaptation field fills up the last packet.
      const fieldBytes = source.left >= room ? wantedBytes : wantedBytes + room - source.left;
      const at = this.#nextPacket(pid, {
        begins: isFirst,
        hasPayload: true,
        hasAdaptation: fieldBytes > 0,
      });
      if (fieldBytes > 0) this.#writeAdaptation(at, fieldBytes, isFirst ? first : NO_ADAPTATION);
      source.read(this.#bytes.subarray(at + HEADER_BYTES + fieldBytes, at + PACKET_BYTES));
    }
  }

  /** @returns its offset. The counter counts packets with a payload only (§2.4.3.3). */
  #nextPacket(pid: number, kind: PacketKind): number {
    const at = this.#length;
    this.#length += PACKET_BYTES;
    if (this.#length > this.#bytes.length) this.#grow();
    const before = this.#counters.get(pid) ?? 15;
    const counter = kind.hasPayload ? (before + 1) & 15 : before;
    this.#counters.set(pid, counter);
    const bytes = this.#bytes;
    bytes[at] = SYNC;
    bytes[at + 1] = (kind.begins ? BEGINS_UNIT : 0) | (pid >>> 8);
    bytes[at + 2] = pid & 0xff;
    const flags = (kind.hasAdaptation ? HAS_ADAPTATION : 0) | (kind.hasPayload ? HAS_PAYLOAD : 0);
    bytes[at + 3] = flags | counter;
    return at;
  }

  #grow(): void {
    const grown = new Uint8Array(this.#bytes.length * 2);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }

  /** Writes the adaptation field, `length` ≥ 1 bytes, of the packet at `packetAt`. */
  #writeAdaptation(packetAt: number, length: number, { pcrMs, isRandomAccess }: Adaptation): void {
    const bytes = this.#bytes;
    const at = packetAt + HEADER_BYTES;
    bytes[at] = length - 1;
    if (length === 1) return;
    bytes[at + 1] = (isRandomAccess ? RANDOM_ACCESS : 0) | (pcrMs === null ? 0 : HAS_PCR);
    let end = at + 2;
    if (pcrMs !== null) {
      writePcr(bytes, end, pcrMs);
      end = at + PCR_FIELD_BYTES;
    }
    bytes.fill(0xff, end, at + length);
  }
}

/** Content of an adaptation field. */
interface Adaptation {
  readonly pcrMs: number | null;
  readonly isRandomAccess: boolean;
}

const NO_ADAPTATION: Adaptation = { pcrMs: null, isRandomAccess: false };

function adaptationBytes({ pcrMs, isRandomAccess }: Adaptation): number {
  if (pcrMs !== null) return PCR_FIELD_BYTES;
  return isRandomAccess ? 2 : 0;
}

interface PacketKind {
  readonly begins: boolean;
  readonly hasPayload: boolean;
  readonly hasAdaptation: boolean;
}

/** Reads byte arrays as if they were one. */
class PartReader {
  left: number;
  readonly #parts: readonly Uint8Array[];
  #index = 0;
  #at = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
    this.left = parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Fills `target`. At least as much must be left. */
  read(target: Uint8Array): void {
    for (let filled = 0; filled < target.length;) {
      const part = this.#parts[this.#index]!;
      const count = Math.min(part.length - this.#at, target.length - filled);
      target.set(part.subarray(this.#at, this.#at + count), filled);
      filled += count;
      this.#at += count;
      if (this.#at < part.length) continue;
      this.#index++;
      this.#at = 0;
    }
    this.left -= target.length;
  }
}

function streamIdOf(type: TsStreamType): number {
  switch (type) {
    case TsStreamType.avc:
      return VIDEO_STREAM_ID;
    case TsStreamType.ac3:
    case TsStreamType.eac3:
      return PRIVATE_STREAM_ID;
    default:
      return AUDIO_STREAM_ID;
  }
}

/** Returns the header of a PES packet (§2.4.3.6), with both times where they differ. */
function pesHeader({ isVideo, decodeMs, presentMs, data }: TsUnit, streamId: number): Uint8Array {
  const hasBoth = presentMs !== decodeMs;
  const timeBytes = hasBoth ? 10 : 5;
  const bytes = new Uint8Array(9 + timeBytes);
  const length = 3 + timeBytes + data.length;
  bytes.set([0, 0, 1, streamId]);
  // 0 leaves the length open, which only video may do: its frames often exceed the field.
  const announced = isVideo || length > 0xffff ? 0 : length;
  bytes[4] = announced >>> 8;
  bytes[5] = announced & 0xff;
  // Marker bits, and the data alignment indicator: a frame starts here.
  bytes[6] = 0x84;
  bytes[7] = hasBoth ? 0xc0 : 0x80;
  bytes[8] = timeBytes;
  writeTime(bytes, 9, hasBoth ? 3 : 2, presentMs);
  if (hasBoth) writeTime(bytes, 14, 1, decodeMs);
  return bytes;
}

/** Writes four bits that name the time, then 33 bits in three pieces, each with a marker bit. */
function writeTime(bytes: Uint8Array, at: number, kind: number, timeMs: number): void {
  const ticks = ticksOf(timeMs);
  bytes[at] = (kind << 4) | (Math.floor(ticks / 2 ** 30) << 1) | 1;
  const middle = Math.floor(ticks / 2 ** 15) % 2 ** 15;
  bytes[at + 1] = middle >>> 7;
  bytes[at + 2] = ((middle << 1) & 0xff) | 1;
  const low = ticks % 2 ** 15;
  bytes[at + 3] = low >>> 7;
  bytes[at + 4] = ((low << 1) & 0xff) | 1;
}

/** Writes 33 bits at 90 kHz, six reserved bits, nine of an extension that is 0 (§2.4.3.5). */
function writePcr(bytes: Uint8Array, at: number, timeMs: number): void {
  const ticks = ticksOf(timeMs);
  const high = Math.floor(ticks / 2);
  bytes[at] = (high / 2 ** 24) & 0xff;
  bytes[at + 1] = (high >>> 16) & 0xff;
  bytes[at + 2] = (high >>> 8) & 0xff;
  bytes[at + 3] = high & 0xff;
  bytes[at + 4] = ((ticks % 2) << 7) | 0x7e;
  bytes[at + 5] = 0;
}

function ticksOf(timeMs: number): number {
  const ticks = Math.round(timeMs * CLOCK_HZ / 1000) % CLOCK_WRAP;
  return ticks < 0 ? ticks + CLOCK_WRAP : ticks;
}
