import { readAvcSize } from "../../lib/media/avc_size.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** Records of libx264, with the size that ffprobe reports. */
const RECORDS = [
  ["64x36, cropped", "0164000AFFE100176764000AACB423FCF8088000000300800000 0A07891350", [64, 36]],
  [
    "640x360, in whole macroblocks but eight lines",
    "0164001EFFE1001A6764001EACD940A02FF970110000030001000003003C0F162D9601000668EBE3CB22C0FDF8F800",
    [640, 360],
  ],
  [
    "1920x1080, interlaced, 4:2:2",
    "017A0028FFE1001B677A0028BCD94078044FCB8088000003000800000301E0F8B16CB001000668FBA3CB22C0FEF8F800",
    [1920, 1080],
  ],
] as const;

for (const [name, record, [width, height]] of RECORDS) {
  Deno.test(`readAvcSize() reads ${name}`, () => {
    assertEquals(readAvcSize(hex(record)), { width, height });
  });
}

Deno.test("readAvcSize() of a cut or damaged record is null and never throws", () => {
  const record = hex(RECORDS[0][1]);
  for (let length = 0; length < 14; length++) {
    assertEquals(readAvcSize(record.subarray(0, length)), null, `${length} bytes`);
  }
  readAvcSize(new Uint8Array(64));
  readAvcSize(new Uint8Array(64).fill(0xff));
});
