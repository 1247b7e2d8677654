import { WireError } from "../../lib/base/errors.ts";
import { splitAggregate } from "../../lib/rtmp/aggregate.ts";

import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

type SubMessage = [typeId: number, timestampMs: number, payload: Uint8Array];

function split(timestampMs: number, payload: Uint8Array): SubMessage[] {
  const messages: SubMessage[] = [];
  splitAggregate(timestampMs, payload, (...message) => messages.push(message));
  return messages;
}

const THREE = hex(`
  09  00 00 03  00 03 e8 00  00 00 00  // video, 3 bytes, 1000 ms
  17 01 aa
  00 00 00 0e                          // back pointer: 14
  08  00 00 02  00 03 fd 00  00 00 00  // audio, 2 bytes, 1021 ms
  af 01
  00 00 00 0d
  12  00 00 00  00 03 e0 00  00 00 00  // data, empty, 992 ms
  00 00 00 0b
`);

Deno.test("splitAggregate() gives the first message the aggregate's timestamp and keeps the distances", () => {
  assertEquals(split(5000, THREE), [
    [9, 5000, hex("17 01 aa")],
    [8, 5021, hex("af 01")],
    [18, 4992, hex("")],
  ]);
});

Deno.test("splitAggregate() handles the wrap of 32-bit timestamps", () => {
  assertEquals(split(0xffff_fff0, THREE).map(([, timestampMs]) => timestampMs), [
    0xffff_fff0,
    5,
    0xffff_ffe8,
  ]);
});

Deno.test("splitAggregate() reads the upper byte of a timestamp after the lower three", () => {
  const payload = hex(`
    08  00 00 01  ff ff f0 fe  00 00 00  // 0xfefffff0 ms
    01
    00 00 00 0c
    08  00 00 01  00 00 10 ff  00 00 00  // 0xff000010 ms, 32 ms later
    02
    00 00 00 0c
    08  00 00 01  00 00 10 00  00 00 00  // 0x00000010 ms, after the wrap
    03
    00 00 00 0c
  `);
  assertEquals(split(100, payload).map(([, timestampMs]) => timestampMs), [
    100,
    132,
    100 + 0x0100_0020,
  ]);
});

Deno.test("splitAggregate() keeps unknown types", () => {
  const payload = hex("ff  00 00 01  00 00 00 00  00 00 00  aa  00 00 00 0c");
  assertEquals(split(7, payload), [[255, 7, hex("aa")]]);
});

Deno.test("splitAggregate() emits views into the aggregate", () => {
  assert(split(0, THREE).every(([, , payload]) => payload.buffer === THREE.buffer));
});

Deno.test("splitAggregate() emits nothing for an empty aggregate", () => {
  assertEquals(split(5000, hex("")), []);
});

Deno.test("splitAggregate() rejects every aggregate that ends inside a message", () => {
  // 18, 35 and 50 bytes are one, two and three complete messages.
  for (let length = 1; length < THREE.length; length += 1) {
    const whole = length >= 35 ? 2 : length >= 18 ? 1 : 0;
    const cut = THREE.subarray(0, length);
    if (length === 18 || length === 35) {
      assertEquals(split(0, cut).length, whole);
      continue;
    }
    let emitted = 0;
    const error = assertThrows(() => splitAggregate(0, cut, () => emitted++), WireError);
    assertEquals(error.code, "chunk.aggregate_truncated");
    assertEquals([error.offset, emitted], [[0, 18, 35][whole], whole], `length ${length}`);
  }
});

Deno.test("splitAggregate() rejects the 2,049th message: an aggregate is split in one go", () => {
  // Empty audio messages with their back pointers, 15 bytes each.
  const messages = hex(`08 000000 000000 00 000000 0000000b`.repeat(2049));
  let count = 0;
  const error = assertThrows(() => splitAggregate(0, messages, () => count++), WireError);
  assertEquals([count, error.code], [2048, "chunk.aggregate_too_long"]);
});
