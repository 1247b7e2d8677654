import { reframeForPush } from "../../lib/upstream/push_framing.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

/** Bytes of the log, with message stream id 1, and what is pushed to an origin that wants id 1. */
const LARGE_CHUNKS = { msid: 1, chunkSize: 60_000 };

const VIDEO = hex(`
  06 000028 000006 09 01000000  // csid 6, time 40, 6 bytes, video, message stream 1
  27 01 000000 41
`);

const AUDIO = hex(`
  04 000028 000003 08 01000000  // csid 4, time 40, 3 bytes, audio
  AF 01 21
`);

/** onStatus, cut short after its name: nothing in it matters but its type. */
const STATUS = hex(`
  03 000028 00000B 14 01000000  // csid 3, 11 bytes, AMF0 command
  02 0008 6F6E537461747573
`);

const STREAM_EOF = hex(`
  02 000028 000006 04 00000000  // csid 2, 6 bytes, user control, message stream 0
  0001 00000001
`);

const METADATA = hex(`
  05 000028 000015 12 01000000        // csid 5, 21 bytes, data
  02 000A 6F6E4D65746144617461        // "onMetaData"
  08 00000000 000009                  // {}
`);

const SET_METADATA = hex(`
  05 000028 000025 12 01000000        // 37 bytes
  02 000D 40736574446174614672616D65  // "@setDataFrame"
  02 000A 6F6E4D65746144617461
  08 00000000 000009
`);

const CUE_POINT = hex(`
  05 000028 00000D 12 01000000        // 13 bytes, data
  02 000A 6F6E437565506F696E74        // "onCuePoint"
`);

Deno.test("reframeForPush() returns the same view when nothing changes", () => {
  const view = concatBytes([VIDEO, AUDIO, VIDEO]);
  assert(reframeForPush(view, LARGE_CHUNKS) === view);
});

Deno.test("reframeForPush() returns an empty view", () => {
  const view = new Uint8Array(0);
  assertEquals(reframeForPush(view, LARGE_CHUNKS), view);
});

const CASES: readonly {
  readonly name: string;
  readonly view: Uint8Array;
  readonly pushed: Uint8Array;
}[] = [
  { name: "puts @setDataFrame before metadata", view: METADATA, pushed: SET_METADATA },
  { name: "leaves metadata that has @setDataFrame", view: SET_METADATA, pushed: SET_METADATA },
  { name: "leaves other data messages as they are", view: CUE_POINT, pushed: CUE_POINT },
  {
    name: "drops statuses and user control events",
    view: concatBytes([STATUS, STREAM_EOF]),
    pushed: hex(""),
  },
  {
    name: "keeps the order of the rest",
    view: concatBytes([STREAM_EOF, VIDEO, METADATA, STATUS, AUDIO]),
    pushed: concatBytes([VIDEO, SET_METADATA, AUDIO]),
  },
];

for (const { name, view, pushed } of CASES) {
  Deno.test(`reframeForPush() ${name}`, () => {
    assertEquals(reframeForPush(view, LARGE_CHUNKS), pushed);
  });
}

Deno.test("reframeForPush() does not change the log's own bytes", () => {
  const view = concatBytes([VIDEO, METADATA, STATUS]);
  const before = view.slice();
  reframeForPush(view, { msid: 5, chunkSize: 60_000 });
  assertEquals(view, before);
});

Deno.test("reframeForPush() writes the origin's message stream id, little-endian", () => {
  const view = concatBytes([VIDEO, AUDIO, METADATA, STREAM_EOF]);
  const pushed = hex(`
    06 000028 000006 09 04030201  // message stream 0x01020304
    27 01 000000 41
    04 000028 000003 08 04030201
    AF 01 21
    05 000028 000025 12 04030201
    02 000D 40736574446174614672616D65
    02 000A 6F6E4D65746144617461
    08 00000000 000009
  `);
  assertEquals(reframeForPush(view, { msid: 0x01020304, chunkSize: 60_000 }), pushed);
});

Deno.test("reframeForPush() joins and cuts metadata of several chunks", () => {
  const view = hex(`
    05 000028 000015 12 01000000  // 21 bytes in chunks of 16
    02 000A 6F6E4D65746144617461 08 0000
    C5                            // fmt 3, csid 5
    0000 000009
  `);
  const pushed = hex(`
    05 000028 000025 12 01000000  // 37 bytes
    02 000D 40736574446174614672616D65
    C5
    02 000A 6F6E4D65746144617461 08 0000
    C5
    0000 000009
  `);
  assertEquals(reframeForPush(view, { msid: 1, chunkSize: 16 }), pushed);
});

Deno.test("reframeForPush() finds the next message after one of several chunks", () => {
  const view = hex(`
    06 000028 00000A 09 01000000  // video, 10 bytes in chunks of 8
    17 01 000000 AAAAAA C6 BBBB
    02 000028 000006 04 00000000  // StreamEOF
    0001 00000001
    04 000028 000003 08 01000000  // audio
    AF 01 21
  `);
  const pushed = hex(`
    06 000028 00000A 09 01000000
    17 01 000000 AAAAAA C6 BBBB
    04 000028 000003 08 01000000
    AF 01 21
  `);
  assertEquals(reframeForPush(view, { msid: 1, chunkSize: 8 }), pushed);
});

Deno.test("reframeForPush() takes a message that fills its chunk exactly for one chunk", () => {
  const view = hex(`
    06 000028 000008 09 01000000  // video, 8 bytes in chunks of 8
    17 01 000000 AAAAAA
    04 000028 000000 08 01000000  // audio of no bytes
    06 000028 000008 09 01000000
    27 01 000000 BBBBBB
  `);
  const pushed = hex(`
    06 000028 000008 09 02000000
    17 01 000000 AAAAAA
    04 000028 000000 08 02000000
    06 000028 000008 09 02000000
    27 01 000000 BBBBBB
  `);
  assertEquals(reframeForPush(view, { msid: 2, chunkSize: 8 }), pushed);
});

Deno.test("reframeForPush() keeps extended timestamps in every chunk", () => {
  const view = hex(`
    06 FFFFFF 00000A 09 01000000 01000000  // time 0x01000000, 10 bytes in chunks of 8
    17 01 000000 AAAAAA
    C6 01000000 BBBB
    04 FFFFFF 000003 08 01000000 00FFFFFF  // time 0xFFFFFF is extended too
    AF 01 21
    04 FFFFFE 000003 08 01000000           // the last timestamp that is not
    AF 01 22
    02 FFFFFF 000006 04 00000000 FFFFFFFF  // StreamEOF
    0001 00000001
    06 FFFFFF 000006 09 01000000 FFFFFFFF
    27 01 000000 41
  `);
  const pushed = hex(`
    06 FFFFFF 00000A 09 03000000 01000000
    17 01 000000 AAAAAA
    C6 01000000 BBBB
    04 FFFFFF 000003 08 03000000 00FFFFFF
    AF 01 21
    04 FFFFFE 000003 08 03000000
    AF 01 22
    06 FFFFFF 000006 09 03000000 FFFFFFFF
    27 01 000000 41
  `);
  assertEquals(reframeForPush(view, { msid: 3, chunkSize: 8 }), pushed);
});

Deno.test("reframeForPush() splits a view that begins inside its memory", () => {
  const memory = concatBytes([STATUS, METADATA, VIDEO]);
  const view = memory.subarray(STATUS.length);
  assertEquals(reframeForPush(view, LARGE_CHUNKS), concatBytes([SET_METADATA, VIDEO]));
});
