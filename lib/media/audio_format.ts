/** Sample rate and channels, from decoder configurations and frames. Damaged bytes never throw. */

import { readU32 } from "../base/bytes.ts";

/** How audio is sampled. */
export interface AudioFormat {
  /** In Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** Rates by index (ISO/IEC 14496-3 §1.6.3.4); index 15 means that the rate itself follows. */
const AAC_RATES: readonly number[] = [
  ...[96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025],
  ...[8_000, 7_350],
];

/** Rates of MPEG version 1 (ISO/IEC 11172-3 §2.4.2.3). Version 2 halves, 2.5 quarters them. */
const MP3_RATES: readonly number[] = [44_100, 48_000, 32_000];

const FLAC_CONFIG_BYTES = 42;
const OPUS_HEADER_BYTES = 19;

/** Returns a format for codecs whose frames tell the real one to decoders. */
export function defaultAudioFormat(): AudioFormat {
  return { sampleRate: 48_000, channels: 2 };
}

/**
 * Reads an AudioSpecificConfig: 5 bits of object type, 4 of rate index, 4 of channels. After index
 * 15, 24 bits spell the rate out.
 */
export function readAacFormat(config: Uint8Array): AudioFormat | null {
  if (config.length < 2) return null;
  const rateIndex = ((config[0]! & 7) << 1) | (config[1]! >>> 7);
  const isSpelledOut = rateIndex === 15 && config.length >= 5;
  const sampleRate = isSpelledOut ? (readU32(config, 1) << 1) >>> 8 : AAC_RATES[rateIndex];
  if (sampleRate === undefined || sampleRate === 0) return null;
  const channels = (config[isSpelledOut ? 4 : 1]! >>> 3) & 15;
  // 7 stands for eight channels; 0 means that the frames tell the number.
  return { sampleRate, channels: channels === 7 ? 8 : channels || 2 };
}

/** Reads STREAMINFO (RFC 9639 §8.2) behind the stream marker and the block header. */
export function readFlacFormat(config: Uint8Array): AudioFormat | null {
  if (config.length < FLAC_CONFIG_BYTES) return null;
  // 20 bits of sample rate, then 3 bits of channels minus one.
  const word = readU32(config, 18);
  return { sampleRate: word >>> 12, channels: ((word >>> 9) & 7) + 1 };
}

/** Reads an identification header (RFC 7845 §5.1); without one, 48 kHz stereo. */
export function readOpusFormat(config: Uint8Array): AudioFormat {
  const channels = config.length >= OPUS_HEADER_BYTES ? config[9]! : 0;
  return { sampleRate: 48_000, channels: channels || 2 };
}

/** Reads the header of an MPEG audio frame. */
export function readMp3Format(frame: Uint8Array): AudioFormat | null {
  if (frame.length < 4 || frame[0] !== 0xff || frame[1]! < 0xe0) return null;
  const rate = MP3_RATES[(frame[2]! >>> 2) & 3];
  const version = (frame[1]! >>> 3) & 3;
  if (rate === undefined || version === 1) return null;
  const divisor = version === 3 ? 1 : version === 2 ? 2 : 4;
  return { sampleRate: rate / divisor, channels: frame[3]! >>> 6 === 3 ? 1 : 2 };
}
