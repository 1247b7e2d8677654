/** Where players can join a stream, and the headers they need there. */

import type { HeaderSet } from "../../lib/hub/header_set.ts";
import { JoinIndex, type JoinLimits, type JoinPoint } from "../../lib/hub/join_index.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  AAC_HEADER,
  audioFrame,
  AVC_HEADER,
  interFrame,
  keyframe,
  METADATA,
} from "../helpers/media.ts";
import { readMessages } from "../helpers/read_messages.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const CHUNK_SIZE = 60_000;
const NO_LIMITS: JoinLimits = { maxBytes: Infinity, maxMessages: Infinity, keepBackMs: 0 };

/** A join index with the offset and time of its next message. */
class Feed {
  readonly joinIndex: JoinIndex;
  offset = 0;
  timeMs = 0;

  constructor(limits: Partial<JoinLimits> = {}) {
    this.joinIndex = new JoinIndex({ ...NO_LIMITS, ...limits });
    this.joinIndex.begin(0, 0);
  }

  /** Messages of 100 bytes, 20 ms apart. */
  push(typeId: number, payload: Uint8Array, count = 1): void {
    for (let i = 0; i < count; i++) {
      this.joinIndex.observe(typeId, this.timeMs, payload, this.offset);
      this.offset += 100;
      this.timeMs += 20;
    }
  }

  get newest(): JoinPoint | null {
    return this.joinIndex.newest;
  }

  /** Payloads of the headers in force at the head. */
  get headers(): Uint8Array[] {
    return headersIn(this.joinIndex.headers);
  }
}

function headersIn(headers: HeaderSet): Uint8Array[] {
  return readMessages(headers.encode(0, CHUNK_SIZE), CHUNK_SIZE).map(({ payload }) => payload);
}

Deno.test("JoinIndex.newest is null before a source begins", () => {
  assertEquals(new JoinIndex(NO_LIMITS).newest, null);
});

Deno.test("JoinIndex.begin() adds a join point without headers at the first message", () => {
  const joinIndex = new JoinIndex(NO_LIMITS);
  joinIndex.begin(500, 70);
  assertEquals(joinIndex.newest?.offset, 500);
  assertEquals(joinIndex.newest?.timestampMs, 70);
  assertEquals(headersIn(joinIndex.newest!.headers), []);
});

Deno.test("JoinIndex.observe() adds a join point for every keyframe, with the headers in force", () => {
  const feed = new Feed();
  feed.push(DATA, METADATA);
  feed.push(VIDEO, AVC_HEADER);
  assertEquals(feed.newest?.offset, 0);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.newest?.offset, 200);
  assertEquals(feed.newest?.timestampMs, 40);
  assertEquals(headersIn(feed.newest!.headers), [METADATA, AVC_HEADER]);
  feed.push(VIDEO, interFrame(), 3);
  feed.push(AUDIO, audioFrame());
  assertEquals(feed.newest?.offset, 200);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.newest?.offset, 700);
});

const NO_JOIN_POINTS: readonly (readonly [name: string, typeId: number, payload: Uint8Array])[] = [
  ["an AVC sequence header, though it carries the keyframe flag", VIDEO, AVC_HEADER],
  ["an enhanced sequence header", VIDEO, hex("90 68766331 01")],
  ["an enhanced sequence header behind a modifier", VIDEO, hex("97 02 01e240 00 68766331 01")],
  ["a multitrack sequence header", VIDEO, hex("96 00 61763031 00 81")],
  ["a keyframe of a track other than the first", VIDEO, hex("96 01 61763031 01 0102")],
  ["an inter frame", VIDEO, interFrame()],
  ["an end of sequence", VIDEO, hex("17 02 000000")],
  ["an empty video message", VIDEO, hex("")],
  ["an audio frame of a stream with video", AUDIO, audioFrame()],
  ["metadata", DATA, METADATA],
];

for (const [name, typeId, payload] of NO_JOIN_POINTS) {
  Deno.test(`JoinIndex.observe() adds no join point for ${name}`, () => {
    const feed = new Feed();
    feed.push(VIDEO, keyframe());
    feed.push(typeId, payload);
    assertEquals(feed.newest?.offset, 0);
    assertEquals(feed.newest?.timestampMs, 0);
    feed.push(VIDEO, keyframe());
    assertEquals(feed.newest?.offset, 200);
  });
}

Deno.test("JoinIndex.observe() adds a join point for an enhanced keyframe", () => {
  const feed = new Feed();
  feed.push(VIDEO, hex("90 68766331 01"));
  feed.push(VIDEO, hex("91 68766331 000000 0102"));
  assertEquals(feed.newest?.offset, 100);
});

Deno.test("JoinIndex.newest keeps its headers when newer ones arrive", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  feed.push(VIDEO, keyframe());
  feed.push(VIDEO, hex("17 00 000000 01640029"));
  assertEquals(headersIn(feed.newest!.headers), [AVC_HEADER]);
});

Deno.test("JoinIndex.begin() drops headers and join points of the source before", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  feed.push(VIDEO, keyframe());
  feed.joinIndex.begin(feed.offset, 90);
  assertEquals(feed.newest?.offset, 200);
  assertEquals(headersIn(feed.newest!.headers), []);
  assertEquals(feed.headers, []);
});

Deno.test("JoinIndex.end() leaves nothing to join", () => {
  const feed = new Feed();
  feed.push(VIDEO, AVC_HEADER);
  feed.joinIndex.end();
  assertEquals(feed.newest, null);
  assertEquals(feed.headers, []);
});

Deno.test("JoinIndex keeps older join points as far back as keepBackMs says, and no further", () => {
  const joinIndex = new JoinIndex({ ...NO_LIMITS, keepBackMs: 3_000 });
  for (let n = 0; n < 10; n++) joinIndex.observe(VIDEO, n * 1_000, keyframe(), n * 100);
  assertEquals([joinIndex.oldest?.offset, joinIndex.newest?.offset], [600, 900]);
  assertEquals(joinIndex.before(9_000, 0)?.offset, 900);
  assertEquals(joinIndex.before(9_000, 1_500)?.offset, 700);
  assertEquals(joinIndex.before(9_000, 60_000)?.offset, 600, "the oldest");
  assertEquals(joinIndex.atOrBefore(899)?.offset, 800);
  assertEquals(joinIndex.atOrBefore(800)?.offset, 800);
  assertEquals(joinIndex.atOrBefore(0)?.offset, 600);
});

Deno.test("JoinIndex.observe() drops a join point that more than maxBytes follow", () => {
  const feed = new Feed({ maxBytes: 300 });
  feed.push(VIDEO, keyframe());
  feed.push(VIDEO, interFrame(), 3);
  assertEquals(feed.newest?.offset, 0);
  feed.push(VIDEO, interFrame());
  assertEquals(feed.newest, null);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.newest?.offset, 500);
});

Deno.test("JoinIndex.observe() drops a join point that more than maxMessages follow", () => {
  const feed = new Feed({ maxMessages: 3 });
  feed.push(VIDEO, keyframe());
  feed.push(VIDEO, interFrame(), 2);
  assertEquals(feed.newest?.offset, 0);
  feed.push(AUDIO, audioFrame());
  assertEquals(feed.newest, null);
  feed.push(VIDEO, keyframe());
  assertEquals(feed.newest?.offset, 400);
});

Deno.test("JoinIndex.observe() drops the first message of a source if no keyframe follows", () => {
  const feed = new Feed({ maxMessages: 3 });
  feed.push(VIDEO, interFrame(), 3);
  assertEquals(feed.newest?.offset, 0);
  feed.push(VIDEO, interFrame());
  assertEquals(feed.newest, null);
});

Deno.test("JoinIndex.observe() keeps the headers when it drops the join point", () => {
  const feed = new Feed({ maxMessages: 3 });
  feed.push(VIDEO, AVC_HEADER);
  feed.push(VIDEO, interFrame(), 10);
  feed.push(VIDEO, keyframe());
  assertEquals(headersIn(feed.newest!.headers), [AVC_HEADER]);
});

Deno.test("JoinIndex.observe() adds join points at audio frames after 115 without video", () => {
  const feed = new Feed();
  feed.push(AUDIO, AAC_HEADER);
  feed.push(AUDIO, audioFrame(), 115);
  assertEquals(feed.newest?.offset, 0);
  feed.push(AUDIO, audioFrame());
  assertEquals(feed.newest?.offset, 11_600);
  assertEquals(headersIn(feed.newest!.headers), [AAC_HEADER]);
});

Deno.test("JoinIndex.observe() adds an audio join point every 500 ms", () => {
  const feed = new Feed();
  feed.push(AUDIO, audioFrame(), 116);
  const times: number[] = [];
  for (let i = 0; i < 60; i++) {
    feed.push(AUDIO, audioFrame());
    times.push(feed.newest!.timestampMs);
  }
  // The 116th was sent at 2300 ms.
  assertEquals([...new Set(times)], [2300, 2800, 3300]);
});

for (
  const [name, payload] of [
    ["a keyframe", keyframe()],
    ["an inter frame", interFrame()],
    ["a video header", AVC_HEADER],
  ] as const
) {
  Deno.test(`JoinIndex.observe() restarts the count of audio frames after ${name}`, () => {
    const feed = new Feed();
    feed.push(AUDIO, audioFrame(), 115);
    feed.push(VIDEO, payload);
    const offsetBefore = feed.newest!.offset;
    feed.push(AUDIO, audioFrame(), 115);
    assertEquals(feed.newest!.offset, offsetBefore);
    feed.push(AUDIO, audioFrame());
    assertEquals(feed.newest!.offset, 23_100);
  });
}
