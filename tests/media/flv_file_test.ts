/** The FLV container: bytes written by hand from FLV 10.1 Annex E, and files of another muxer. */

import { WireError } from "../../lib/base/errors.ts";
import { encodeFlvHeader, encodeFlvTag, type FlvTag, readFlv } from "../../lib/media/flv_file.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { AV1_OPUS_MULTIPACKET_FLV } from "../fixtures/av1_opus_multipacket_flv.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const HEADER = "464c56 01 05 00000009 00000000"; // "FLV", version 1, audio + video, 9 bytes; size 0

const TAGS: readonly { readonly name: string; readonly bytes: string; readonly tag: FlvTag }[] = [
  {
    name: "an audio tag",
    bytes: "08 000002 000017 00 000000 af01 0000000d",
    tag: { typeId: 8, timestampMs: 23, payload: hex("af01") },
  },
  {
    name: "a video tag at the last 24-bit time",
    bytes: "09 000001 ffffff 00 000000 17 0000000c",
    tag: { typeId: 9, timestampMs: 0xffffff, payload: hex("17") },
  },
  {
    name: "a video tag at the first extended time",
    bytes: "09 000001 000000 01 000000 17 0000000c",
    tag: { typeId: 9, timestampMs: 0x1000000, payload: hex("17") },
  },
  {
    name: "a tag at the last u32 time",
    bytes: "09 000001 ffffff ff 000000 17 0000000c",
    tag: { typeId: 9, timestampMs: 0xffffffff, payload: hex("17") },
  },
  {
    name: "an empty data tag",
    bytes: "12 000000 000000 00 000000 0000000b",
    tag: { typeId: 18, timestampMs: 0, payload: hex("") },
  },
];

for (const { name, bytes, tag } of TAGS) {
  Deno.test(`readFlv() reads ${name}`, () => {
    assertEquals(readFlv(hex(HEADER + bytes)).tags, [tag]);
  });
  Deno.test(`encodeFlvTag() writes ${name}`, () => {
    assertEquals(encodeFlvTag(tag), hex(bytes));
  });
}

Deno.test("encodeFlvHeader() writes the header and a tag size of 0", () => {
  assertEquals(encodeFlvHeader(), hex(HEADER));
});

Deno.test("readFlv() returns no tags if the file ends after its header", () => {
  assertEquals(readFlv(hex(HEADER)).tags, []);
});

Deno.test("readFlv() skips the extra bytes of a longer header", () => {
  const bytes = hex("464c56 01 01 0000000b ffff 00000000 09 000001 000000 00 000000 17 0000000c");
  assertEquals(readFlv(bytes).tags.length, 1);
});

Deno.test("readFlv() ignores the reserved bits of a tag's type", () => {
  const { tags } = readFlv(hex(HEADER + "c9 000001 000000 00 000000 17 0000000c"));
  assertEquals(tags[0]?.typeId, 9);
});

Deno.test("readFlv() returns payloads as views", () => {
  const bytes = hex(HEADER + "08 000002 000017 00 000000 af01 0000000d");
  assert(readFlv(bytes).tags[0]?.payload.buffer === bytes.buffer);
});

const GARBAGE: readonly (readonly [name: string, bytes: string, code: string, offset: number])[] = [
  ["nothing", "", "flv.truncated", 0],
  ["an MP4 file", "00000018 66747970 6d703432", "flv.bad_header", 0],
  ["version 2", "464c56 02 05 00000009 00000000", "flv.bad_header", 0],
  ["a header that states too few bytes", "464c56 01 05 00000008 00000000", "flv.bad_header", 5],
  [
    "a header that states more bytes than the file",
    "464c56 01 05 ffffffff 00000000",
    "flv.truncated",
    9,
  ],
  ["a header without the first size", "464c56 01 05 00000009 0000", "flv.truncated", 9],
  ["a tag cut in its header", HEADER + "08 000002 0000", "flv.truncated", 17],
  ["a tag cut in its payload", HEADER + "08 000002 000017 00 000000 af", "flv.truncated", 24],
  ["a tag without its size", HEADER + "08 000001 000017 00 000000 af", "flv.truncated", 25],
  [
    "a tag with another size",
    HEADER + "08 000001 000017 00 000000 af 00000001",
    "flv.bad_tag_size",
    25,
  ],
  ["an encrypted tag", HEADER + "28 000001 000017 00 000000 af 0000000c", "flv.encrypted", 13],
];

for (const [name, bytes, code, offset] of GARBAGE) {
  Deno.test(`readFlv() rejects ${name}`, () => {
    const error = assertThrows(() => readFlv(hex(bytes)), WireError);
    assertEquals({ code: error.code, offset: error.offset }, { code, offset });
  });
}

Deno.test("encodeFlvTag() rejects a payload too long for the size field", () => {
  const tag = { typeId: 9, timestampMs: 0, payload: new Uint8Array(0x1000000) };
  assertEquals(assertThrows(() => encodeFlvTag(tag), WireError).code, "flv.tag_too_large");
});

for (
  const [name, file, count, lastMs] of [
    ["av1-opus.flv", AV1_OPUS_FLV, 807, 10_001],
    ["av1-opus-multipacket.flv", AV1_OPUS_MULTIPACKET_FLV, 849, 11_374],
  ] as const
) {
  Deno.test(`readFlv() reads all of ${name}, and the tags encode to the same bytes`, () => {
    const { tags } = readFlv(file);
    assertEquals(tags.length, count);
    assertEquals(tags.at(-1)?.timestampMs, lastMs);
    let at = encodeFlvHeader().length;
    for (const tag of tags) {
      const bytes = encodeFlvTag(tag);
      assertEquals(bytes, file.slice(at, at + bytes.length));
      at += bytes.length;
    }
    assertEquals(at, file.length);
  });
}
