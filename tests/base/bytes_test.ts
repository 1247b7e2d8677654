import fc from "fast-check";
import {
  ByteReader,
  ByteWriter,
  concatBytes,
  decodeUtf8,
  encodeUtf8,
  MAX_SHORT_TEXT,
  readU24,
  readU32,
  writeU24,
  writeU32,
} from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const NUMBERS_24 = [
  { bytes: "000000", value: 0 },
  { bytes: "010203", value: 0x010203 },
  { bytes: "7fffff", value: 0x7fffff },
  { bytes: "800000", value: 0x800000 },
  { bytes: "ffffff", value: 0xffffff },
];

const NUMBERS_32 = [
  { bytes: "00000000", value: 0 },
  { bytes: "01020304", value: 0x01020304 },
  { bytes: "7fffffff", value: 0x7fffffff },
  { bytes: "80000000", value: 0x80000000 },
  { bytes: "ffffffff", value: 0xffffffff },
];

for (const { bytes, value } of NUMBERS_24) {
  Deno.test(`readU24() and writeU24() convert ${bytes} and ${value}`, () => {
    assertEquals(readU24(hex(`ee ${bytes} ee`), 1), value);
    const target = hex("ee eeeeee ee");
    writeU24(target, 1, value);
    assertEquals(target, hex(`ee ${bytes} ee`));
  });
}

for (const { bytes, value } of NUMBERS_32) {
  Deno.test(`readU32() and writeU32() convert ${bytes} and ${value}`, () => {
    assertEquals(readU32(hex(`ee ${bytes} ee`), 1), value);
    const target = hex("ee eeeeeeee ee");
    writeU32(target, 1, value);
    assertEquals(target, hex(`ee ${bytes} ee`));
  });
}

Deno.test("concatBytes() copies the parts into a new array", () => {
  const part = hex("0102");
  const whole = concatBytes([part, hex(""), hex("03")]);
  part.fill(0xee);
  assertEquals(whole, hex("010203"));
  assertEquals(concatBytes([]), hex(""));
});

Deno.test("decodeUtf8() keeps a byte order mark", () => {
  assertEquals(decodeUtf8(hex("efbbbf 61")), "\ufeffa");
});

Deno.test("decodeUtf8() replaces invalid UTF-8 and keeps no state between calls", () => {
  assertEquals(decodeUtf8(hex("61 ff 62 e282")), "a\ufffdb\ufffd");
  assertEquals(decodeUtf8(hex("ac")), "\ufffd");
});

Deno.test("encodeUtf8() replaces a lone surrogate", () => {
  assertEquals(encodeUtf8("é\ud83d!"), hex("c3a9 efbfbd 21"));
});

Deno.test("ByteReader reads every kind of field", () => {
  const reader = new ByteReader(
    hex("fe  8001  8001  800102  80010203  3ff8000000000000  c3a9  0a0b"),
    "amf",
  );
  assertEquals([reader.u8(), reader.u16(), reader.i16()], [0xfe, 0x8001, -0x7fff]);
  assertEquals([reader.u24(), reader.u32(), reader.f64()], [0x800102, 0x80010203, 1.5]);
  assertEquals([reader.utf8(2), reader.view(2)], ["é", hex("0a0b")]);
  assertEquals([reader.offset, reader.remaining], [24, 0]);
});

Deno.test("ByteReader reads from a view into a larger buffer", () => {
  const buffer = hex("eeee 01020304 eeee");
  const reader = new ByteReader(buffer.subarray(2, 6), "flv");
  assertEquals([reader.u16(), reader.u8(), reader.u8(), reader.remaining], [0x0102, 3, 4, 0]);
});

Deno.test("ByteReader.view() shares the memory of the buffer", () => {
  const buffer = hex("0102");
  const view = new ByteReader(buffer, "amf").view(2);
  buffer[1] = 9;
  assertEquals(view, hex("0109"));
});

const READS: readonly { name: string; length: number; read: (reader: ByteReader) => unknown }[] = [
  { name: "u8", length: 1, read: (reader) => reader.u8() },
  { name: "u16", length: 2, read: (reader) => reader.u16() },
  { name: "i16", length: 2, read: (reader) => reader.i16() },
  { name: "u24", length: 3, read: (reader) => reader.u24() },
  { name: "u32", length: 4, read: (reader) => reader.u32() },
  { name: "f64", length: 8, read: (reader) => reader.f64() },
  { name: "view", length: 5, read: (reader) => reader.view(5) },
  { name: "utf8", length: 5, read: (reader) => reader.utf8(5) },
];

for (const { name, length, read } of READS) {
  Deno.test(`ByteReader.${name}() throws past the end without advancing`, () => {
    // One byte is missing from the view but present in the memory behind it.
    const reader = new ByteReader(new Uint8Array(length + 2).subarray(0, length + 1), "amf");
    reader.u8();
    reader.u8();
    const error = assertThrows(() => read(reader), WireError);
    assertEquals([error.code, error.offset], ["amf.truncated", 2]);
    assertEquals([reader.offset, reader.remaining], [2, length - 1]);
  });
}

Deno.test("ByteWriter writes every kind of field", () => {
  const writer = new ByteWriter(1);
  writer.u8(0xfe);
  writer.u16(0x8001);
  writer.i16(-0x7fff);
  writer.u24(0x800102);
  writer.u32(0x80010203);
  writer.f64(1.5);
  writer.bytes(hex("0a0b"));
  assertEquals(writer.take(), hex("fe 8001 8001 800102 80010203 3ff8000000000000 0a0b"));
  assertEquals(writer.length, 22);
});

for (
  const [text, bytes] of [
    ["", "0000"],
    ["live", "0004 6c697665"],
    ["\x7f\0", "0002 7f00"],
    ["aé", "0003 61c3a9"],
    ["€\u{1f600}b", "0008 e282ac f09f9880 62"],
    ["\ud800!", "0004 efbfbd 21"],
  ] as const
) {
  Deno.test(`ByteWriter.shortText() writes ${JSON.stringify(text)} and its length`, () => {
    const writer = new ByteWriter(1);
    writer.u8(0xaa);
    writer.shortText(text);
    writer.u8(0xbb);
    assertEquals(writer.take(), hex(`aa ${bytes} bb`));
  });
}

Deno.test("ByteWriter.shortText() writes the longest allowed text", () => {
  const writer = new ByteWriter();
  writer.shortText("€".repeat(MAX_SHORT_TEXT));
  const bytes = writer.take();
  assertEquals(bytes.length, 2 + 65_535);
  assertEquals(bytes.subarray(0, 5), hex("ffff e282ac"));
  assertEquals(bytes.subarray(-3), hex("e282ac"));
});

Deno.test("ByteWriter.clear() restarts and leaves taken bytes unchanged", () => {
  const writer = new ByteWriter();
  writer.u32(0x01020304);
  const taken = writer.take();
  writer.clear();
  writer.u8(0xff);
  assertEquals([taken, writer.take()], [hex("01020304"), hex("ff")]);
});

Deno.test("ByteWriter.take() returns a copy", () => {
  const writer = new ByteWriter();
  writer.u8(1);
  const taken = writer.take();
  writer.u8(2);
  taken[0] = 9;
  assertEquals(writer.take(), hex("0102"));
});

Deno.test("ByteWriter grows to any length from any capacity", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
  fc.assert(fc.property(fc.nat(600), pieces, (capacity, parts) => {
    const writer = new ByteWriter(capacity);
    for (const part of parts) writer.bytes(part);
    const expected = parts.flatMap((part) => [...part]);
    assert(writer.take().join() === expected.join());
    assertEquals(writer.length, expected.length);
  }));
});
