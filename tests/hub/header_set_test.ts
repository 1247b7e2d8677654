/** Headers in force, and the messages that carry them. */

import { HeaderSet } from "../../lib/hub/header_set.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  AAC_HEADER,
  audioFrame,
  AVC_HEADER,
  CLEAR_METADATA,
  interFrame,
  keyframe,
  METADATA,
} from "../helpers/media.ts";
import { readMessages } from "../helpers/read_messages.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const CHUNK_SIZE = 60_000;

/** The set after these messages. */
function setOf(...messages: readonly (readonly [typeId: number, payload: Uint8Array])[]) {
  return messages.reduce((set, message) => set.after(...message), new HeaderSet());
}

function payloadsIn(headers: HeaderSet): Uint8Array[] {
  return readMessages(headers.encode(0, CHUNK_SIZE), CHUNK_SIZE).map(({ payload }) => payload);
}

/** Header of video track `id`; `byte` tells versions apart. */
function trackHeader(id: number, byte = 0x81): Uint8Array {
  return new Uint8Array([...hex("96 00 61763031"), id, byte]);
}

Deno.test("HeaderSet.after() keeps headers in order of arrival, a newer version last", () => {
  const headers = setOf([AUDIO, AAC_HEADER], [VIDEO, AVC_HEADER], [DATA, METADATA]);
  assertEquals(payloadsIn(headers), [AAC_HEADER, AVC_HEADER, METADATA]);
  const newer = hex("af 00 1190");
  assertEquals(payloadsIn(headers.after(AUDIO, newer)), [AVC_HEADER, METADATA, newer]);
});

Deno.test("HeaderSet.after() keeps the headers of all tracks", () => {
  const tracks = [hex("96 00 61763031 00 81"), hex("96 00 61763031 01 82")];
  assertEquals(payloadsIn(setOf([VIDEO, tracks[0]!], [VIDEO, tracks[1]!])), tracks);
});

Deno.test("HeaderSet.after() returns the same set when a header is repeated unchanged", () => {
  const headers = setOf([VIDEO, AVC_HEADER]);
  assert(headers.after(VIDEO, AVC_HEADER.slice()) === headers);
  assert(headers.after(VIDEO, hex("17 00 000000 01640029")) !== headers);
});

Deno.test("HeaderSet.after() returns the same set after a frame", () => {
  const headers = setOf([VIDEO, AVC_HEADER]);
  assert(headers.after(VIDEO, keyframe()) === headers);
  assert(headers.after(VIDEO, interFrame()) === headers);
  assert(headers.after(AUDIO, audioFrame()) === headers);
});

Deno.test("HeaderSet.after() leaves the set itself unchanged", () => {
  const headers = setOf([VIDEO, AVC_HEADER], [DATA, METADATA]);
  headers.after(AUDIO, AAC_HEADER);
  headers.after(DATA, CLEAR_METADATA);
  assertEquals(payloadsIn(headers), [AVC_HEADER, METADATA]);
});

Deno.test("HeaderSet.after() copies a header, whose memory the caller reuses", () => {
  const payload = AVC_HEADER.slice();
  const headers = setOf([VIDEO, payload]);
  payload.fill(0xee);
  assertEquals(payloadsIn(headers), [AVC_HEADER]);
});

Deno.test("HeaderSet.after() sets and clears metadata", () => {
  const other = hex("02 000a 6f6e546578744461746f 05"); // onTextDato: not metadata
  const headers = setOf([DATA, METADATA], [VIDEO, AVC_HEADER], [DATA, other]);
  assertEquals(payloadsIn(headers), [METADATA, AVC_HEADER]);
  assertEquals(payloadsIn(headers.after(DATA, CLEAR_METADATA)), [AVC_HEADER]);
});

Deno.test("HeaderSet.after() keeps at most 32 headers", () => {
  let headers = new HeaderSet();
  for (let id = 0; id < 200; id++) headers = headers.after(VIDEO, trackHeader(id));
  assertEquals(payloadsIn(headers), Array.from({ length: 32 }, (_, id) => trackHeader(id)));
});

Deno.test("HeaderSet.after() still replaces a header of a full set", () => {
  let headers = new HeaderSet();
  for (let id = 0; id < 32; id++) headers = headers.after(VIDEO, trackHeader(id));
  const newer = trackHeader(0, 0x99);
  const payloads = payloadsIn(headers.after(VIDEO, newer));
  assertEquals([payloads.length, payloads.at(-1)], [32, newer]);
});

Deno.test("HeaderSet.after() does not keep a header longer than 64 KiB", () => {
  const monster = new Uint8Array(64 * 1024 + 1);
  monster.set(AVC_HEADER);
  assertEquals(payloadsIn(setOf([VIDEO, AVC_HEADER], [VIDEO, monster])), [AVC_HEADER]);
});

Deno.test("HeaderSet.encode() stamps headers with the given time and metadata with 0", () => {
  const headers = setOf([DATA, METADATA], [VIDEO, AVC_HEADER], [AUDIO, AAC_HEADER]);
  assertEquals(
    headers.encode(1000, CHUNK_SIZE),
    hex(`
      05  00 00 00  00 00 15  12  01 00 00 00          // data on csid 5, 21 bytes
      02 000a 6f6e4d65746144617461  08 00000000 0000 09
      06  00 03 e8  00 00 09  09  01 00 00 00          // video on csid 6
      17 00 000000 01640020
      04  00 03 e8  00 00 04  08  01 00 00 00          // audio on csid 4
      af 00 1210
    `),
  );
});

Deno.test("HeaderSet.encode() splits chunks and repeats an extended timestamp", () => {
  const headers = setOf([AUDIO, AAC_HEADER]);
  assertEquals(
    headers.encode(0x12345678, 3),
    hex(`
      04  ff ff ff  00 00 04  08  01 00 00 00  12 34 56 78  af 00 12
      c4  12 34 56 78  10
    `),
  );
});

Deno.test("HeaderSet.encode() returns the same array for the same time", () => {
  const headers = setOf([VIDEO, AVC_HEADER]);
  const first = headers.encode(1000, CHUNK_SIZE);
  assert(headers.encode(1000, CHUNK_SIZE) === first);
  assert(headers.encode(2000, CHUNK_SIZE) !== first);
});

Deno.test("HeaderSet.encode() is empty without headers", () => {
  assertEquals(new HeaderSet().encode(0, CHUNK_SIZE).length, 0);
});
