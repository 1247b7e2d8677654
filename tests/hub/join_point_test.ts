/** Where players may begin and what they are given first. */

import {
  HeaderSet,
  isAside,
  type JoinEntry,
  type JoinLimits,
  JoinPoint,
} from "../../lib/hub/join_point.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  AAC_HEADER,
  AVC_HEADER,
  CLEAR_METADATA,
  interFrame,
  keyframe,
  METADATA,
  SET_METADATA,
  sound,
} from "../helpers/media.ts";
import { readMessages } from "../helpers/read_messages.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const CHUNK_SIZE = 60_000;
const NO_LIMITS: JoinLimits = { maxBytes: Infinity, maxMessages: Infinity, keepBackMs: 0 };

/** A join point and the place and time of its next message. */
class Feed {
  readonly joinPoint: JoinPoint;
  offset = 0;
  timeMs = 0;

  constructor(limits: Partial<JoinLimits> = {}) {
    this.joinPoint = new JoinPoint({ ...NO_LIMITS, ...limits });
    this.joinPoint.begin(0, 0);
  }

  /** Messages of 100 bytes, 20 ms apart. */
  push(typeId: number, payload: Uint8Array, count = 1): void {
    for (let i = 0; i < count; i++) {
      this.joinPoint.observe(typeId, this.timeMs, payload, this.offset);
      this.offset += 100;
      this.timeMs += 20;
    }
  }

  get entry(): JoinEntry | null {
    return this.joinPoint.newest;
  }

  /** Payloads that somebody is given who joins with the headers of now. */
  get headers(): Uint8Array[] {
    return headersIn(this.joinPoint.headers);
  }
}

function headersIn(headers: HeaderSet): Uint8Array[] {
  return readMessages(headers.encode(0, CHUNK_SIZE), CHUNK_SIZE).map(({ payload }) => payload);
}

Deno.test("JoinPoint.newest is null before a source begins", () => {
  assertEquals(new JoinPoint(NO_LIMITS).newest, null);
});

Deno.test("JoinPoint.begin() makes an entry without headers at the source's first message", () => {
  const joinPoint = new JoinPoint(NO_LIMITS);
  joinPoint.begin(500, 70);
  assertEquals(joinPoint.newest?.offset, 500);
  assertEquals(joinPoint.newest?.timestampMs, 70);
  assertEquals(joinPoint.newest?.headers.size, 0);
});

Deno.test("JoinPoint.observe() makes an entry of every keyframe, with the headers in force", () => {
  const feed = new Feed();
  feed.push(DATA, METADATA);
  feed.push(VIDEO, AVC_HEADER);
  assertEquals(feed.entry?.offset, 0);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.entry?.offset, 200);
  assertEquals(feed.entry?.timestampMs, 40);
  assertEquals(headersIn(feed.entry!.headers), [METADATA, AVC_HEADER]);
  feed.push(VIDEO, interFrame(), 3);
  feed.push(AUDIO, sound());
  assertEquals(feed.entry?.offset, 200);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.entry?.offset, 700);
});

const NO_ENTRIES: readonly (readonly [name: string, typeId: number, payload: Uint8Array])[] = [
  ["an AVC sequence header, though it carries the keyframe flag", VIDEO, AVC_HEADER],
  ["an enhanced sequence header", VIDEO, hex("90 68766331 01")],
  ["an enhanced sequence header behind a modifier", VIDEO, hex("97 02 01e240 00 68766331 01")],
  ["a multitrack sequence header", VIDEO, hex("96 00 61763031 00 81")],
  ["a keyframe of another track than the first", VIDEO, hex("96 01 61763031 01 0102")],
  ["an inter frame", VIDEO, interFrame()],
  ["an end of sequence", VIDEO, hex("17 02 000000")],
  ["an empty video message", VIDEO, hex("")],
  ["a sound beside pictures", AUDIO, sound()],
  ["metadata", DATA, METADATA],
];

for (const [name, typeId, payload] of NO_ENTRIES) {
  Deno.test(`JoinPoint.observe() makes no entry of ${name}`, () => {
    const feed = new Feed();
    feed.push(VIDEO, keyframe());
    feed.push(typeId, payload);
    assertEquals(feed.entry?.offset, 0);
    assertEquals(feed.entry?.timestampMs, 0);
    feed.push(VIDEO, keyframe());
    assertEquals(feed.entry?.offset, 200);
  });
}

Deno.test("JoinPoint.observe() makes an entry of an enhanced keyframe", () => {
  const feed = new Feed();
  feed.push(VIDEO, hex("90 68766331 01"));
  feed.push(VIDEO, hex("91 68766331 000000 0102"));
  assertEquals(feed.entry?.offset, 100);
});

Deno.test("JoinPoint.observe() keeps headers in the order of arrival, each of its newest bytes", () => {
  const feed = new Feed();
  feed.push(AUDIO, AAC_HEADER);
  feed.push(VIDEO, AVC_HEADER);
  feed.push(DATA, METADATA);
  assertEquals(feed.headers, [AAC_HEADER, AVC_HEADER, METADATA]);
  const newer = hex("af 00 1190");
  feed.push(AUDIO, newer);
  assertEquals(feed.headers, [AVC_HEADER, METADATA, newer]);
});

Deno.test("JoinPoint.observe() keeps headers of several tracks beside each other", () => {
  const feed = new Feed();
  const tracks = [hex("96 00 61763031 00 81"), hex("96 00 61763031 01 82")];
  for (const header of tracks) feed.push(VIDEO, header);
  assertEquals(feed.headers, tracks);
});

Deno.test("JoinPoint.headers is the same set when a header is repeated unchanged", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  const before = feed.joinPoint.headers;
  feed.push(VIDEO, AVC_HEADER.slice());
  assert(feed.joinPoint.headers === before);
  feed.push(VIDEO, hex("17 00 000000 01640029"));
  assert(feed.joinPoint.headers !== before);
});

Deno.test("JoinPoint.newest keeps the headers of its place when later ones come", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  feed.push(VIDEO, keyframe());
  feed.push(VIDEO, hex("17 00 000000 01640029"));
  assertEquals(headersIn(feed.entry!.headers), [AVC_HEADER]);
});

Deno.test("JoinPoint.observe() copies a header, whose memory is used again", () => {
  const feed = new Feed();
  const payload = AVC_HEADER.slice();
  feed.push(VIDEO, payload);
  payload.fill(0xee);
  assertEquals(feed.headers, [AVC_HEADER]);
});

Deno.test("JoinPoint.observe() sets metadata and takes it back", () => {
  const feed = new Feed();
  feed.push(DATA, METADATA);
  feed.push(VIDEO, AVC_HEADER);
  feed.push(DATA, hex("02 000a 6f6e546578744461746f 05")); // onTextDato: not metadata
  assertEquals(feed.headers, [METADATA, AVC_HEADER]);
  feed.push(DATA, CLEAR_METADATA);
  assertEquals(feed.headers, [AVC_HEADER]);
});

Deno.test("JoinPoint.begin() forgets headers and entry of the source before", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  feed.push(VIDEO, keyframe());
  feed.joinPoint.begin(feed.offset, 90);
  assertEquals(feed.entry?.offset, 200);
  assertEquals(feed.entry?.headers.size, 0);
  assertEquals(feed.headers, []);
});

Deno.test("JoinPoint.end() leaves nothing to join", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  feed.joinPoint.end();
  assertEquals(feed.entry, null);
  assertEquals(feed.headers, []);
});

/** Header of video track `id`, with a byte to tell it by. */
function trackHeader(id: number, byte = 0x81): Uint8Array {
  return new Uint8Array([...hex("96 00 61763031"), id, byte]);
}

Deno.test("JoinPoint.observe() keeps 32 headers and no more", () => {
  const feed = new Feed();
  for (let id = 0; id < 200; id++) feed.push(VIDEO, trackHeader(id));
  assertEquals(feed.headers, Array.from({ length: 32 }, (_, id) => trackHeader(id)));
});

Deno.test("JoinPoint.observe() still replaces a header when there are 32", () => {
  const feed = new Feed();
  for (let id = 0; id < 32; id++) feed.push(VIDEO, trackHeader(id));
  const newer = trackHeader(0, 0x99);
  feed.push(VIDEO, newer);
  assertEquals(feed.joinPoint.headers.size, 32);
  assertEquals(feed.headers.at(-1), newer);
});

Deno.test("JoinPoint.observe() does not keep a header that is too long to be one", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  const monster = new Uint8Array(256 * 1024 + 1);
  monster.set(AVC_HEADER);
  feed.push(VIDEO, monster);
  assertEquals(feed.headers, [AVC_HEADER]);
});

Deno.test("JoinPoint keeps older places to begin as far back as it is told, and no further", () => {
  const joinPoint = new JoinPoint({ ...NO_LIMITS, keepBackMs: 3_000 });
  for (let n = 0; n < 10; n++) joinPoint.observe(VIDEO, n * 1_000, keyframe(), n * 100);
  assertEquals([joinPoint.oldest?.offset, joinPoint.newest?.offset], [600, 900]);
  assertEquals(joinPoint.before(9_000, 0)?.offset, 900);
  assertEquals(joinPoint.before(9_000, 1_500)?.offset, 700);
  assertEquals(joinPoint.before(9_000, 60_000)?.offset, 600, "the oldest there is");
  assertEquals(joinPoint.atOrBefore(899)?.offset, 800);
  assertEquals(joinPoint.atOrBefore(800)?.offset, 800);
  assertEquals(joinPoint.atOrBefore(0)?.offset, 600);
});

Deno.test("JoinPoint.observe() forgets an entry when more bytes follow it than it may have", () => {
  const feed = new Feed({ maxBytes: 300 });
  feed.push(VIDEO, keyframe());
  feed.push(VIDEO, interFrame(), 3);
  assertEquals(feed.entry?.offset, 0);
  feed.push(VIDEO, interFrame());
  assertEquals(feed.entry, null);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.entry?.offset, 500);
});

Deno.test("JoinPoint.observe() forgets an entry when more messages follow it than it may have", () => {
  const feed = new Feed({ maxMessages: 3 });
  feed.push(VIDEO, keyframe());
  feed.push(VIDEO, interFrame(), 2);
  assertEquals(feed.entry?.offset, 0);
  feed.push(AUDIO, sound());
  assertEquals(feed.entry, null);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.entry?.offset, 400);
});

Deno.test("JoinPoint.observe() forgets a source's beginning when no keyframe comes", () => {
  const feed = new Feed({ maxMessages: 3 });
  feed.push(VIDEO, interFrame(), 3);
  assertEquals(feed.entry?.offset, 0);
  feed.push(VIDEO, interFrame());
  assertEquals(feed.entry, null);
});

Deno.test("JoinPoint.observe() keeps the headers when it forgets the entry", () => {
  const feed = new Feed({ maxMessages: 3 });
  feed.push(VIDEO, AVC_HEADER);
  feed.push(VIDEO, interFrame(), 10);
  feed.push(VIDEO, keyframe());
  assertEquals(headersIn(feed.entry!.headers), [AVC_HEADER]);
});

Deno.test("JoinPoint.observe() makes entries of sounds when 115 came without a picture", () => {
  const feed = new Feed();
  feed.push(AUDIO, AAC_HEADER);
  feed.push(AUDIO, sound(), 115);
  assertEquals(feed.entry?.offset, 0);
  feed.push(AUDIO, sound());
  assertEquals(feed.entry?.offset, 11_600);
  assertEquals(headersIn(feed.entry!.headers), [AAC_HEADER]);
});

Deno.test("JoinPoint.observe() makes an entry of sound every 500 ms", () => {
  const feed = new Feed();
  feed.push(AUDIO, sound(), 116);
  const places: number[] = [];
  for (let i = 0; i < 60; i++) {
    feed.push(AUDIO, sound());
    places.push(feed.entry!.timestampMs);
  }
  // The 116th was sent at 2300 ms.
  assertEquals([...new Set(places)], [2300, 2800, 3300]);
});

for (
  const [name, payload] of [
    ["a keyframe", keyframe()],
    ["an inter frame", interFrame()],
    ["a video header", AVC_HEADER],
  ] as const
) {
  Deno.test(`JoinPoint.observe() counts the sounds anew after ${name}`, () => {
    const feed = new Feed();
    feed.push(AUDIO, sound(), 115);
    feed.push(VIDEO, payload);
    const placeBefore = feed.entry!.offset;
    feed.push(AUDIO, sound(), 115);
    assertEquals(feed.entry!.offset, placeBefore);
    feed.push(AUDIO, sound());
    assertEquals(feed.entry!.offset, 23_100);
  });
}

Deno.test("HeaderSet.encode() stamps headers with the time of the entry and metadata with 0", () => {
  const headers = new HeaderSet()
    .with("metadata", DATA, METADATA)
    .with("video", VIDEO, AVC_HEADER)
    .with("audio", AUDIO, AAC_HEADER);
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

Deno.test("HeaderSet.encode() cuts chunks and repeats an extended time", () => {
  const headers = new HeaderSet().with("audio", AUDIO, AAC_HEADER);
  assertEquals(
    headers.encode(0x12345678, 3),
    hex(`
      04  ff ff ff  00 00 04  08  01 00 00 00  12 34 56 78  af 00 12
      c4  12 34 56 78  10
    `),
  );
});

Deno.test("HeaderSet.encode() gives all who join at one place the same array", () => {
  const headers = new HeaderSet().with("video", VIDEO, AVC_HEADER);
  const first = headers.encode(1000, CHUNK_SIZE);
  assert(headers.encode(1000, CHUNK_SIZE) === first);
  assert(headers.encode(2000, CHUNK_SIZE) !== first);
});

Deno.test("HeaderSet.encode() is empty without headers", () => {
  assertEquals(new HeaderSet().encode(0, CHUNK_SIZE).length, 0);
});

Deno.test("HeaderSet.with() and without() leave the set itself as it is", () => {
  const one = new HeaderSet().with("video", VIDEO, AVC_HEADER);
  one.with("audio", AUDIO, AAC_HEADER);
  one.without("video");
  assertEquals(headersIn(one), [AVC_HEADER]);
});

const ASIDES: readonly (readonly [name: string, typeId: number, bytes: Uint8Array, is: boolean])[] =
  [
    ["metadata", DATA, SET_METADATA, true],
    ["a cue point", DATA, hex("02 0001 41"), true],
    ["an AVC header", VIDEO, AVC_HEADER, true],
    ["HDR metadata", VIDEO, hex("d4 61763031 02 0009"), true],
    ["an AAC header", AUDIO, AAC_HEADER, true],
    ["a channel configuration", AUDIO, hex("94 4f707573 01 01 00000004"), true],
    ["a keyframe", VIDEO, keyframe(), false],
    ["an inter frame", VIDEO, interFrame(), false],
    ["a sound", AUDIO, sound(), false],
    ["MP3 sound", AUDIO, hex("2f ff fb"), false],
    ["an empty video message", VIDEO, hex(""), false],
  ];

for (const [name, typeId, bytes, is] of ASIDES) {
  Deno.test(`isAside() is ${is} for ${name}`, () => {
    assertEquals(isAside(typeId, bytes), is);
  });
}
