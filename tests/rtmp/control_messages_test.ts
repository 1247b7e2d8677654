/** Expected bytes are written by hand from RTMP 1.0 §5.4 and §7.1.7. */

import { WireError } from "../../lib/base/errors.ts";
import {
  decodeControlU32,
  decodeUserControl,
  encodeAcknowledgement,
  encodePingRequest,
  encodePingResponse,
  encodeSetChunkSize,
  encodeSetPeerBandwidth,
  encodeUserControl,
  encodeWindowAckSize,
  userControlPayload,
} from "../../lib/rtmp/control_messages.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

// Basic header of csid 2, time 0, length, type, message stream 0; then the payload.
const MESSAGES: readonly { name: string; actual: Uint8Array; bytes: string }[] = [
  {
    name: "encodeSetChunkSize() writes 60000",
    actual: encodeSetChunkSize(60_000),
    bytes: "02 000000 000004 01 00000000  0000ea60",
  },
  {
    name: "encodeSetChunkSize() writes the largest size",
    actual: encodeSetChunkSize(0x7fffffff),
    bytes: "02 000000 000004 01 00000000  7fffffff",
  },
  {
    name: "encodeAcknowledgement() writes the last count before the counter wraps",
    actual: encodeAcknowledgement(0xffffffff),
    bytes: "02 000000 000004 03 00000000  ffffffff",
  },
  {
    name: "encodeWindowAckSize() writes 2500000",
    actual: encodeWindowAckSize(2_500_000),
    bytes: "02 000000 000004 05 00000000  002625a0",
  },
  {
    name: "encodeSetPeerBandwidth() writes limit type dynamic",
    actual: encodeSetPeerBandwidth(2_500_000),
    bytes: "02 000000 000005 06 00000000  002625a0 02",
  },
  {
    name: "encodeUserControl() writes StreamBegin",
    actual: encodeUserControl(0, 1),
    bytes: "02 000000 000006 04 00000000  0000 00000001",
  },
  {
    name: "encodeUserControl() writes SetBufferLength with two values",
    actual: encodeUserControl(3, 1, 1000),
    bytes: "02 000000 00000a 04 00000000  0003 00000001 000003e8",
  },
  {
    name: "encodeUserControl() writes both bytes of the event type",
    actual: encodeUserControl(0x0120),
    bytes: "02 000000 000002 04 00000000  0120",
  },
  {
    name: "encodePingRequest() writes a time above 31 bits",
    actual: encodePingRequest(0xfedcba98),
    bytes: "02 000000 000006 04 00000000  0006 fedcba98",
  },
  {
    name: "encodePingResponse() writes the time of the request",
    actual: encodePingResponse(0x01020304),
    bytes: "02 000000 000006 04 00000000  0007 01020304",
  },
];

for (const { name, actual, bytes } of MESSAGES) {
  Deno.test(name, () => assertEquals(actual, hex(bytes)));
}

Deno.test("userControlPayload() returns the payload without a chunk header", () => {
  assertEquals(userControlPayload(1, [5]), hex("0001 00000005"));
});

Deno.test("decodeControlU32() reads the number and ignores further bytes", () => {
  assertEquals(decodeControlU32(hex("002625a0")), 2_500_000);
  assertEquals(decodeControlU32(hex("ffffffff 02")), 0xffffffff);
});

Deno.test("decodeUserControl() reads the event type and its first value", () => {
  assertEquals(decodeUserControl(hex("0007 fedcba98")), { event: 7, value: 0xfedcba98 });
  assertEquals(decodeUserControl(hex("0003 00000001 000003e8")), { event: 3, value: 1 });
});

Deno.test("decodeUserControl() reads unknown events and events with short or missing values", () => {
  assertEquals(decodeUserControl(hex("0120")), { event: 0x120, value: 0 });
  // Event 26 (SWF verification) has one byte of flags.
  assertEquals(decodeUserControl(hex("001a 01")), { event: 26, value: 0 });
});

for (
  const { name, decode } of [
    {
      name: "decodeControlU32() rejects three bytes",
      decode: () => decodeControlU32(hex("000000")),
    },
    {
      name: "decodeControlU32() rejects an empty message",
      decode: () => decodeControlU32(hex("")),
    },
    { name: "decodeUserControl() rejects one byte", decode: () => decodeUserControl(hex("00")) },
  ]
) {
  Deno.test(name, () => {
    assertEquals(assertThrows(decode, WireError).code, "control.truncated");
  });
}
