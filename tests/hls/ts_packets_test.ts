import { correctVideoFrames } from "../../lib/hls/ts_packets.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** A transport packet of 188 bytes that starts with `head`. */
function packet(head: string): Uint8Array {
  const bytes = new Uint8Array(188).fill(0xff);
  bytes.set(hex(head));
  return bytes;
}

/** PES header of a video frame: start code, stream 0xE0, both times, both 0. */
const VIDEO_FRAME = "000001 E0 0000 84 C0 0A 3100010001 1100010001";

Deno.test("correctVideoFrames() writes decoding times in order where frames start", () => {
  const packets = [
    packet(`47 4100 10 ${VIDEO_FRAME}`),
    // Audio, a table, and a frame's second packet: none has a decoding time.
    packet("47 4101 10 000001 C0 0008 84 80 05 2100010001"),
    packet("47 4000 10 00 00B00D"),
    packet(`47 0100 11 ${VIDEO_FRAME}`),
    // An adaptation field of one byte comes first.
    packet(`47 4100 32 01 40 ${VIDEO_FRAME}`),
  ];
  const bytes = concatBytes(packets);
  correctVideoFrames(bytes, [
    { decodeMs: 1, isKey: true },
    { decodeMs: 2 ** 33 / 90, isKey: true },
  ]);
  // 90 = 0x5A: bits 0…14, and a marker. 2³³ ticks are 0 again.
  packets[0]!.set(hex("11 0001 00B5"), 4 + 14);
  packets[4]!.set(hex("11 0001 0001"), 6 + 14);
  assertEquals(bytes, concatBytes(packets));
});

Deno.test("correctVideoFrames() fills all 33 bits and wraps negative times", () => {
  const bytes = packet(`47 4100 10 ${VIDEO_FRAME}`);
  correctVideoFrames(bytes, [{ decodeMs: -1 / 90, isKey: true }]);
  assertEquals(bytes.subarray(18, 23), hex("1F FFFF FFFF"));
});

Deno.test("correctVideoFrames() marks only keyframes as random access points", () => {
  const bytes = concatBytes([
    packet(`47 4100 30 01 C0 ${VIDEO_FRAME}`),
    packet(`47 4100 31 01 C0 ${VIDEO_FRAME}`),
  ]);
  correctVideoFrames(bytes, [{ decodeMs: 0, isKey: true }, { decodeMs: 0, isKey: false }]);
  assertEquals([bytes[5], bytes[188 + 5]], [0xc0, 0x80]);
});

Deno.test("correctVideoFrames() leaves bytes unchanged that are no transport stream", () => {
  const bytes = new Uint8Array(1000).fill(0xff);
  correctVideoFrames(bytes, [{ decodeMs: 0, isKey: false }]);
  assertEquals(bytes, new Uint8Array(1000).fill(0xff));
});
