/** The tables of an MPEG transport stream with one program (ISO/IEC 13818-1:2019, §2.4.4). */

/** PIDs: of the tables, and of the program's elementary streams. */
export const TsPid = { pat: 0, video: 256, audio: 257, pmt: 4096 } as const;

const PROGRAM = 1;

/** Stream types of codecs (§2.4.4.9; ATSC A/52 Annex A for AC-3 and E-AC-3). */
export const TsStreamType = { avc: 0x1b, aac: 0x0f, mp3: 0x03, ac3: 0x81, eac3: 0x87 } as const;

/** One of {@linkcode TsStreamType}. */
export type TsStreamType = typeof TsStreamType[keyof typeof TsStreamType];

/** The elementary streams of a segment; null where there is none. */
export interface TsTracks {
  readonly video: TsStreamType | null;
  readonly audio: TsStreamType | null;
}

/** Returns the PID whose packets carry the program clock: the video's if there is video. */
export function clockPidOf({ video }: TsTracks): number {
  return video === null ? TsPid.audio : TsPid.video;
}

/** Returns the program association table (§2.4.4.3). */
export function programAssociation(): Uint8Array {
  return section(0x00, 1, [PROGRAM >>> 8, PROGRAM & 0xff, ...pidBytes(TsPid.pmt)]);
}

/** Returns the program map table (§2.4.4.8). */
export function programMap(tracks: TsTracks): Uint8Array {
  const { video, audio } = tracks;
  const streams: number[] = [];
  if (video !== null) streams.push(...streamEntry(video, TsPid.video));
  if (audio !== null) streams.push(...streamEntry(audio, TsPid.audio));
  return section(0x02, PROGRAM, [...pidBytes(clockPidOf(tracks)), 0xf0, 0x00, ...streams]);
}

/** 13 bits after three reserved ones. */
function pidBytes(pid: number): number[] {
  return [0xe0 | (pid >>> 8), pid & 0xff];
}

function streamEntry(type: TsStreamType, pid: number): number[] {
  const descriptor = registrationOf(type);
  return [type, ...pidBytes(pid), 0xf0, descriptor.length, ...descriptor];
}

/** AC-3 and E-AC-3 are registered by name (ATSC A/52 Annex A, §2.6.8). */
function registrationOf(type: TsStreamType): number[] {
  const name = type === TsStreamType.ac3 ? "AC-3" : type === TsStreamType.eac3 ? "EAC3" : "";
  if (name === "") return [];
  return [0x05, name.length, ...Array.from(name, (letter) => letter.charCodeAt(0))];
}

/** Returns a section in long form, the only one of its table, with its checksum (§2.4.4.10). */
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
    // Version 0, valid now.
    0xc1,
    0,
    0,
    ...content,
  ];
  const sum = crc32(body);
  return new Uint8Array([...body, sum >>> 24, (sum >>> 16) & 0xff, (sum >>> 8) & 0xff, sum & 0xff]);
}

/** CRC of Annex A: polynomial 0x04c11db7, most significant bit first, no final inversion. */
function crc32(bytes: readonly number[]): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}
