/** Sample rates and channels, from configurations and frames written by hand. */

import {
  readAacFormat,
  readFlacFormat,
  readMp3Format,
  readOpusFormat,
} from "../../lib/media/audio_format.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** Identification header with six channels. */
const OPUS_HEAD = "4F70757348656164 01 06 3801 80BB0000 0000 00";

const FORMATS: readonly (readonly [
  read: typeof readAacFormat,
  bytes: string,
  format: string | null,
])[] = [
  [readAacFormat, "1210", "44100 2"],
  [readAacFormat, "1188", "48000 1"],
  [readAacFormat, "2B92 0800", "22050 2"],
  [readAacFormat, "11B8", "48000 8"],
  [readAacFormat, "1180", "48000 2"],
  [readAacFormat, "12", null],
  [readAacFormat, "1780 5622 10", "44100 2"],
  // Index 13 is reserved; 15 is followed by the rate itself, which is missing.
  [readAacFormat, "1690", null],
  [readAacFormat, "1790", null],
  [readOpusFormat, OPUS_HEAD, "48000 6"],
  [readOpusFormat, "", "48000 2"],
  [
    readFlacFormat,
    `664C6143 80000022 1000 1000 000000 000000 0BB802F0 ${"00".repeat(20)}`,
    "48000 2",
  ],
  [readFlacFormat, "664C6143", null],
  [readMp3Format, "FFFB9064", "44100 2"],
  [readMp3Format, "FFFB94C4", "48000 1"],
  [readMp3Format, "FFF38000", "22050 2"],
  [readMp3Format, "FFE38800", "8000 2"],
  [readMp3Format, "FFFB9C64", null],
  [readMp3Format, "00000000", null],
  [readMp3Format, "FFFB", null],
];

for (const [read, bytes, expected] of FORMATS) {
  Deno.test(`${read.name}() is ${expected} for ${bytes.slice(0, 20) || "nothing"}`, () => {
    const format = read(hex(bytes));
    assertEquals(format && `${format.sampleRate} ${format.channels}`, expected);
  });
}
