import { isAdtsConfig, readAvcSetup, toAdts, toAnnexB } from "../../lib/hls/elementary.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** AVCDecoderConfigurationRecord of libx264: one SPS and one PPS, lengths of four bytes. */
const RECORD = hex("01 64000A FF E1 0004 6764000A 01 0002 68EE");

Deno.test("readAvcSetup() reads parameter sets and the size of lengths", () => {
  const setup = readAvcSetup(RECORD)!;
  assertEquals(setup.lengthBytes, 4);
  assertEquals(setup.parameterSets, hex("00000001 6764000A 00000001 68EE"));
});

Deno.test("readAvcSetup() finds every damaged record", () => {
  for (let length = 0; length < RECORD.length; length++) {
    assertEquals(readAvcSetup(RECORD.subarray(0, length)), null, `${length} bytes`);
  }
  assertEquals(readAvcSetup(hex("01 64000A FE E0 00")), null, "lengths of three bytes");
  assertEquals(readAvcSetup(hex("01 64000A FF E0 00")), null, "no parameter sets");
});

Deno.test("toAnnexB() puts a delimiter before a frame, and parameter sets before a keyframe", () => {
  const setup = readAvcSetup(RECORD)!;
  const frame = hex("00000002 0605 00000003 658801");
  assertEquals(
    toAnnexB(frame, setup, true),
    hex("00000001 09F0 00000001 6764000A 00000001 68EE 00000001 0605 00000001 658801"),
  );
  assertEquals(toAnnexB(frame, setup, false), hex("00000001 09F0 00000001 0605 00000001 658801"));
});

Deno.test("toAnnexB() reads lengths of one and two bytes, and omits delimiters", () => {
  const setup = (lengthBytes: number) => ({ lengthBytes, parameterSets: hex("") });
  const expected = hex("00000001 09F0 00000001 4101");
  assertEquals(toAnnexB(hex("0002 09F0 0002 4101"), setup(2), false), expected);
  assertEquals(toAnnexB(hex("02 09F0 02 4101"), setup(1), false), expected);
});

Deno.test("toAnnexB() ends at a damaged length", () => {
  const setup = readAvcSetup(RECORD)!;
  const expected = hex("00000001 09F0 00000001 4101");
  for (const rest of ["", "00", "00000005 41", "FFFFFFFF 41", "00000000"]) {
    assertEquals(toAnnexB(hex(`00000002 4101 ${rest}`), setup, false), expected, rest);
  }
});

Deno.test("toAdts() writes profile, rate, channels and length", () => {
  // AAC-LC, 44,100 Hz, stereo; the header that ffmpeg writes for a frame of 4 bytes.
  assertEquals(toAdts(hex("21 10 05 20"), hex("1210")), hex("FFF1 50 80 01 7F FC 21100520"));
  // AAC-LC, 48,000 Hz, 5.1, and the longest frame.
  const frame = new Uint8Array(8184);
  assertEquals(toAdts(frame, hex("11B0"))!.subarray(0, 7), hex("FFF1 4D 83 FF FF FC"));
});

Deno.test("toAdts() writes HE-AAC as LC", () => {
  assertEquals(toAdts(hex("21"), hex("2B 92 08 00"))!.subarray(0, 3), hex("FFF1 5C"));
});

Deno.test("toAdts() is null for a frame that is too long for ADTS", () => {
  assertEquals(toAdts(new Uint8Array(8185), hex("1210")), null);
});

Deno.test("isAdtsConfig() is false for a sample rate that is spelled out", () => {
  // 44,100 Hz by index 4; index 15 and 24 bits.
  assertEquals([hex("1210"), hex("1780 5622 10")].map(isAdtsConfig), [true, false]);
});
