/** Packets of an MPEG transport stream, ISO/IEC 13818-1. Section numbers are those of its edition of 2019. */

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

const PAT_PID = 0;
const PMT_PID = 4096;
const VIDEO_PID = 256;
const AUDIO_PID = 257;
const PROGRAM = 1;

const VIDEO_STREAM_ID = 0xe0;
const AUDIO_STREAM_ID = 0xc0;
/** AC-3 and its like are private streams (ATSC A/52 Annex A). */
const PRIVATE_STREAM_ID = 0xbd;

const CLOCK_HZ = 90_000;
const CLOCK_WRAP = 2 ** 33;

/** A clock reference comes at least every 100 ms (§2.7.2); this leaves a margin. */
const PCR_PERIOD_MS = 90;

/** Over a longer silence the clock is not counted on: the next unit sets it. */
const MAX_PCR_GAP_MS = 10_000;

/** Stream types of the codecs of a transport stream (§2.4.4.9; ATSC A/52 for the last two). */
export const TsStreamType = { avc: 0x1b, aac: 0x0f, mp3: 0x03, ac3: 0x81, eac3: 0x87 } as const;

/** One of {@linkcode TsStreamType}. */
export type TsStreamType = typeof TsStreamType[keyof typeof TsStreamType];

/** Which elementary streams there are; null where there is none. */
export interface TsTracks {
  readonly video: TsStreamType | null;
  readonly audio: TsStreamType | null;
}

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
 * Writes the transport stream of one channel, segment by segment. Continuity counters and the program clock
 * continue from one segment to the next, as players want it where a playlist has no discontinuity: set-top
 * boxes and VLC complain otherwise.
 */
export class TsWriter {
  readonly #counters = new Map<number, number>();
  #newestPcrMs: number | null = null;
  #bytes = new Uint8Array(0);
  #length = 0;

  /** Begins a segment. After a discontinuity the clock may be anything. */
  begin(tracks: TsTracks, isDiscontinuity: boolean): void {
    this.#bytes = new Uint8Array(64 * PACKET_BYTES);
    this.#length = 0;
    if (isDiscontinuity) this.#newestPcrMs = null;
    this.#writeSection(PAT_PID, programAssociation());
    this.#writeSection(PMT_PID, programMap(tracks));
  }

  /** Appends a frame. */
  write(unit: TsUnit, tracks: TsTracks): void {
    const pcrPid = tracks.video === null ? AUDIO_PID : VIDEO_PID;
    const pid = unit.isVideo ? VIDEO_PID : AUDIO_PID;
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

  /** The segment. The caller owns it. */
  end(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  /** Clock references in packets of their own, where frames are further apart than those may be. */
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

  /** A section that fits into one packet. */
  #writeSection(pid: number, section: Uint8Array): void {
    const at = this.#nextPacket(pid, { begins: true, hasPayload: true, hasAdaptation: false });
    const bytes = this.#bytes;
    // Pointer field: the section begins right behind it.
    bytes[at + HEADER_BYTES] = 0;
    bytes.set(section, at + HEADER_BYTES + 1);
    bytes.fill(0xff, at + HEADER_BYTES + 1 + section.length, at + PACKET_BYTES);
  }

  #writePes(pid: number, parts: readonly Uint8Array[], first: Adaptation): void {
    const source = new PartReader(parts);
    for (let isFirst = true; source.left > 0; isFirst = false) {
      const wantedBytes = isFirst ? adaptationBytes(first) : 0;
      const room = PACKET_BYTES - HEADER_BYTES - wantedBytes;
      // The last packet is filled up by its adaptation field.
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

  /** @returns where it begins. The counter counts packets with a payload only (§2.4.3.3). */
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

  /** An adaptation field of `length` bytes, 1 or more, behind the header of the packet at `packetAt`. */
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

/** What the adaptation field of a frame's first packet says. */
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

/** Reads some byte arrays as one. */
class PartReader {
  left: number;
  readonly #parts: readonly Uint8Array[];
  #index = 0;
  #at = 0;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
    this.left = parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Fills `target`, for which enough must be left. */
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

/** Header of a PES packet (§2.4.3.6), with both times where they differ. */
function pesHeader({ isVideo, decodeMs, presentMs, data }: TsUnit, streamId: number): Uint8Array {
  const hasBoth = presentMs !== decodeMs;
  const timeBytes = hasBoth ? 10 : 5;
  const bytes = new Uint8Array(9 + timeBytes);
  const length = 3 + timeBytes + data.length;
  bytes.set([0, 0, 1, streamId]);
  // Only video may leave its length open, and its frames are often too long to say.
  const announced = isVideo || length > 0xffff ? 0 : length;
  bytes[4] = announced >>> 8;
  bytes[5] = announced & 0xff;
  // Marker bits, and that the data begin with a whole frame.
  bytes[6] = 0x84;
  bytes[7] = hasBoth ? 0xc0 : 0x80;
  bytes[8] = timeBytes;
  writeTime(bytes, 9, hasBoth ? 3 : 2, presentMs);
  if (hasBoth) writeTime(bytes, 14, 1, decodeMs);
  return bytes;
}

/** Four bits that say which time it is, then 33 bits in three pieces, each with a marker bit behind it. */
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

/** 33 bits at 90 kHz, six reserved ones, nine of an extension at 27 MHz, which is 0 (§2.4.3.5). */
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

/** Program association table (§2.4.4.3): one program, whose map is at `PMT_PID`. */
function programAssociation(): Uint8Array {
  return section(0x00, 1, [PROGRAM >>> 8, PROGRAM & 0xff, 0xe0 | (PMT_PID >>> 8), PMT_PID & 0xff]);
}

/** Program map table (§2.4.4.8). */
function programMap({ video, audio }: TsTracks): Uint8Array {
  const pcrPid = video === null ? AUDIO_PID : VIDEO_PID;
  const streams: number[] = [];
  if (video !== null) streams.push(...streamEntry(video, VIDEO_PID));
  if (audio !== null) streams.push(...streamEntry(audio, AUDIO_PID));
  return section(0x02, PROGRAM, [0xe0 | (pcrPid >>> 8), pcrPid & 0xff, 0xf0, 0x00, ...streams]);
}

function streamEntry(type: TsStreamType, pid: number): number[] {
  const descriptor = registrationOf(type);
  return [type, 0xe0 | (pid >>> 8), pid & 0xff, 0xf0, descriptor.length, ...descriptor];
}

/** AC-3 and E-AC-3 are registered by name (ATSC A/52 Annex A, §2.6.8). */
function registrationOf(type: TsStreamType): number[] {
  const name = type === TsStreamType.ac3 ? "AC-3" : type === TsStreamType.eac3 ? "EAC3" : "";
  if (name === "") return [];
  return [0x05, name.length, ...Array.from(name, (letter) => letter.charCodeAt(0))];
}

/** A table's section in its long form, the only one of its table, with its checksum (§2.4.4.10). */
function section(
  tableId: number,
  tableIdExtension: number,
  content: readonly number[],
): Uint8Array {
  const length = 5 + content.length + 4;
  const body = [
    tableId,
    0xb0 | (length >>> 8),
    length & 0xff,
    tableIdExtension >>> 8,
    tableIdExtension & 0xff,
    // Version 0, in force now.
    0xc1,
    0,
    0,
    ...content,
  ];
  const sum = crc32(body);
  return new Uint8Array([...body, sum >>> 24, (sum >>> 16) & 0xff, (sum >>> 8) & 0xff, sum & 0xff]);
}

/** CRC of ISO/IEC 13818-1 Annex A: polynomial 0x04c11db7, most significant bit first, no final inversion. */
function crc32(bytes: readonly number[]): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}
