/** A stream in FLV framing: expected bytes written by hand, join points, retention. */

import type { HttpRemuxConfig } from "../../lib/config/config.ts";
import { FlvStream, FlvStreams } from "../../lib/http/flv_stream.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { Stream } from "../../lib/hub/stream.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  AAC_HEADER,
  audioFrame,
  AVC_HEADER,
  idOf,
  interFrame,
  keyframe,
  METADATA,
} from "../helpers/media.ts";
import { readChunks } from "../helpers/read_chunks.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;

/** Position of the flags in the chunk of an FLV header. */
const FLAGS_AT = 14;

const REMUX: HttpRemuxConfig = {
  enabled: true,
  mount: "/[app]/[stream].flv",
  format: "flv",
  hasAudio: true,
  hasVideo: true,
  guessTracks: true,
  dropIfNotMatch: true,
};

/** `onMetaData` with `audiocodecid` 10. */
const AUDIO_METADATA = hex(`
  02 000a 6f6e4d65746144617461
  08 00000001 000c 617564696f636f6465636964 00 4024000000000000 000009
`);

function vhostWith(httpRemux: HttpRemuxConfig) {
  return { config: { httpRemux, play: { queueLengthMs: 10_000 } } };
}

class Rig {
  readonly stream: Stream;
  readonly chunkSize: number;
  #handle: PublishHandle | null = null;

  constructor({ chunkSize = 60_000, isAbsoluteTime = false, maxMessages = 2_500 } = {}) {
    this.chunkSize = chunkSize;
    this.stream = new Stream("live/show", {
      chunkSize,
      isAbsoluteTime,
      maxLagMs: 10_000,
      maxBytes: 64 * 1024 * 1024,
      maxMessages,
      keepBackMs: 3_500,
    }, () => {});
    // Keeps the stream in the hub.
    this.stream.join({ onLive() {}, cursor: -1 });
  }

  publish(): this {
    this.#handle = this.stream.publish();
    assert(this.#handle !== null);
    return this;
  }

  push(typeId: number, timestampMs: number, payload: Uint8Array): this {
    this.#handle!.push(typeId, timestampMs, payload, timestampMs);
    return this;
  }

  /** Metadata and both sequence headers. */
  pushHeaders(): this {
    return this.push(DATA, 0, METADATA).push(VIDEO, 0, AVC_HEADER).push(AUDIO, 0, AAC_HEADER);
  }

  end(reason: "unpublished" | "lost" | "away" = "unpublished"): this {
    this.#handle!.end(reason);
    return this;
  }

  flv(remux: Partial<HttpRemuxConfig> = {}): FlvStream {
    return new FlvStream(this.stream, vhostWith({ ...REMUX, ...remux }), this.chunkSize);
  }
}

/** All bytes of the log from `offset` on, with their chunk frames. */
function chunksFrom(flv: FlvStream, offset = 0): number[] {
  const bytes: number[] = [];
  for (let view = flv.log.view(offset); view.length > 0; view = flv.log.view(offset)) {
    bytes.push(...view);
    offset += view.length;
  }
  return bytes;
}

/** The tags in chunks that follow an FLV header. */
function tagsIn(chunks: readonly number[], flv: FlvStream) {
  return readFlv(readChunks(new Uint8Array([...flv.fileHeader(), ...chunks]))).tags;
}

/** What a viewer gets that starts at the newest join point. */
function joiner(flv: FlvStream) {
  const entry = flv.joinPoint;
  assert(entry !== null);
  return tagsIn([...flv.preamble(entry), ...chunksFrom(flv, entry.offset)], flv);
}

/** Types and times of tags, and the numbers of video and audio frames. */
function brief(tags: ReturnType<typeof joiner>): string[] {
  return tags.map(({ typeId, timestampMs, payload }) => {
    if (typeId === DATA) return `meta@${timestampMs}`;
    if (payload[1] === 0) return `${typeId === VIDEO ? "avc" : "aac"}@${timestampMs}`;
    const kind = typeId === AUDIO ? "a" : payload[0] === 0x17 ? "K" : "p";
    return `${kind}${idOf(payload)}@${timestampMs}`;
  });
}

Deno.test("FlvStream.log contains the stream's messages as FLV tags", () => {
  const rig = new Rig().publish();
  const flv = rig.flv();
  rig.push(VIDEO, 0, AVC_HEADER).push(AUDIO, 23, hex("af01 21")).push(
    VIDEO,
    40,
    hex("2701 000000 41"),
  );
  flv.catchUp();
  assertEquals(
    readChunks(Uint8Array.from(chunksFrom(flv))),
    hex(`
      09 000009 000000 00 000000 17 00 000000 01640020 00000014
      08 000003 000017 00 000000 af 01 21 0000000e
      09 000006 000028 00 000000 27 01 000000 41 00000011
    `),
  );
});

Deno.test("FlvLog ends the sequence of a late keyframe that another encode follows", () => {
  const first = hex("17 00 000000 01 640020 ff");
  const other = hex("17 00 000000 01 42001e ff");
  const rig = new Rig().publish();
  const flv = rig.flv();
  rig.push(VIDEO, 0, first).push(VIDEO, 0, keyframe(1)).push(VIDEO, 40, interFrame(2));
  // The last message of an encoder that stops; not a frame.
  rig.push(VIDEO, 40, hex("17 02 000000"));
  rig.push(VIDEO, 80, other).push(VIDEO, 80, keyframe(3));
  // Said again, it is no other one.
  rig.push(VIDEO, 120, other).push(VIDEO, 120, keyframe(4));
  rig.push(VIDEO, 121, hex("17 00 000000 01 64001f fd")).push(VIDEO, 121, keyframe(5));
  rig.push(VIDEO, 121, other).push(VIDEO, 121, keyframe(6));
  // The keyframe is far behind, or there was none.
  rig.push(VIDEO, 160, interFrame(7)).push(VIDEO, 200, interFrame(8));
  rig.push(VIDEO, 240, first).push(VIDEO, 240, other).push(VIDEO, 240, keyframe(9));
  flv.catchUp();
  const tags = tagsIn(chunksFrom(flv), flv);
  assertEquals(
    tags.flatMap(({ timestampMs, payload }) =>
      payload[0] === 0x27 && payload[5] === 0 && payload.at(-1) === 10
        ? [[timestampMs, ...payload.subarray(1)]]
        : []
    ),
    [
      ...[78, 79].map((ms) => [ms, 1, 0, 0, 0, 0, 0, 0, 1, 10]),
      ...[120, 121].map((ms) => [ms, 1, 0, 0, 0, 0, 0, 0, 1, 10]),
      // The header of number 5 says lengths of two bytes.
      ...[121, 121].map((ms) => [ms, 1, 0, 0, 0, 0, 1, 10]),
    ],
  );
  assertEquals(tags.length, 23);
});

Deno.test("FlvStream ends the sequence of the encode at which its first viewer came", () => {
  const rig = new Rig().publish();
  rig.push(VIDEO, 0, hex("17 00 000000 01 640020 ff")).push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  rig.push(VIDEO, 40, hex("17 00 000000 01 42001e ff")).push(VIDEO, 40, keyframe(2));
  flv.catchUp();
  const payloads = tagsIn(chunksFrom(flv), flv).map(({ payload }) => payload);
  const end = hex("27 01 000000 00000001 0a");
  assertEquals(payloads.slice(1, 3), [end, end]);
});

Deno.test("FlvStream has the default track of messages with several, without its header", () => {
  const rig = new Rig().publish();
  // Enhanced RTMP v2, one track: the default one and track 1, header and keyframe of each.
  for (const track of ["00", "01"]) {
    rig.push(VIDEO, 0, hex(`96 00 61763031 ${track} 81`));
    rig.push(VIDEO, 0, hex(`96 01 61763031 ${track} 0a0b`));
  }
  const flv = rig.flv();
  flv.catchUp();
  assertEquals(joiner(flv).map(({ payload }) => payload), [
    hex("90 61763031 81"),
    hex("91 61763031 0a0b"),
  ]);
});

Deno.test("FlvStream.log joins messages that the hub has in chunks", () => {
  const rig = new Rig({ chunkSize: 128 }).publish();
  const payload = keyframe(7, 1_000);
  rig.push(VIDEO, 0, payload);
  const [tag] = joiner(rig.flv());
  assertEquals(tag, { typeId: VIDEO, timestampMs: 0, payload });
});

Deno.test("FlvStream.log uses the extended timestamp from 24 bits on", () => {
  const rig = new Rig({ isAbsoluteTime: true, chunkSize: 128 }).publish();
  const flv = rig.flv();
  const payload = keyframe(7, 300);
  rig.push(VIDEO, 0xffffff, payload).push(VIDEO, 0x1000000, payload).push(
    VIDEO,
    0xffffffff,
    payload,
  );
  flv.catchUp();
  const tagBytes = 11 + 300 + 4;
  const bytes = [...readChunks(Uint8Array.from(chunksFrom(flv)))];
  assertEquals(bytes.length, 3 * tagBytes);
  const times = [0, 1, 2].map((i) => bytes.slice(i * tagBytes + 4, i * tagBytes + 8));
  assertEquals(times, [[...hex("ffffff 00")], [...hex("000000 01")], [...hex("ffffff ff")]]);
});

Deno.test("FlvStream.log continues when timestamps wrap", () => {
  const rig = new Rig({ isAbsoluteTime: true }).publish();
  rig.push(VIDEO, 0xffffffd8, keyframe(1)).push(VIDEO, 0, interFrame(2)).push(
    VIDEO,
    40,
    interFrame(3),
  );
  const flv = rig.flv();
  assertEquals(brief(joiner(flv)), ["K1@4294967256", "p2@0", "p3@40"]);
  assertEquals(flv.log.lagMs(0), 80);
});

Deno.test("FlvStream starts at the newest keyframe, after metadata and sequence headers", () => {
  const rig = new Rig().publish().pushHeaders();
  rig.push(VIDEO, 0, keyframe(1)).push(VIDEO, 40, interFrame(2));
  rig.push(VIDEO, 80, keyframe(3)).push(AUDIO, 90, audioFrame(4)).push(VIDEO, 120, interFrame(5));
  assertEquals(
    brief(joiner(rig.flv())),
    ["meta@0", "avc@80", "aac@80", "K3@80", "a4@90", "p5@120"],
  );
});

Deno.test("FlvStream.joinPoint follows the hub's, over any number of keyframes", () => {
  const rig = new Rig().publish().pushHeaders().push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  for (let i = 2; i < 6; i++) {
    rig.push(VIDEO, i * 40, keyframe(i)).push(AUDIO, i * 40, audioFrame(i));
  }
  flv.catchUp();
  assertEquals(brief(joiner(flv)), ["meta@0", "avc@200", "aac@200", "K5@200", "a5@200"]);
});

Deno.test("FlvStream.joinPoint is the start of a publish until the first keyframe", () => {
  const rig = new Rig().publish();
  const flv = rig.flv();
  rig.pushHeaders();
  flv.catchUp();
  assertEquals(brief(joiner(flv)), ["meta@0", "avc@0", "aac@0"]);
});

Deno.test("FlvStream.preamble() returns the headers in force at a join point", () => {
  const rig = new Rig().publish().pushHeaders().push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  const old = flv.joinPoint!;
  const newHeader = hex("17 00 000000 01640033");
  rig.push(VIDEO, 40, newHeader).push(VIDEO, 40, keyframe(2));
  flv.catchUp();
  assert(old.headers !== flv.joinPoint!.headers);
  const headers = joiner(flv).filter(({ typeId, payload }) => typeId === VIDEO && payload[1] === 0);
  assertEquals(headers.map(({ payload }) => payload), [newHeader]);
  // Existing viewers get them between the frames.
  assertEquals(brief(tagsIn(chunksFrom(flv), flv)), [
    "K1@0",
    "avc@40",
    "K2@40",
  ]);
});

Deno.test("FlvStream has no join point while the hub has none", () => {
  const rig = new Rig({ maxMessages: 3 }).publish().push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  for (let i = 2; i < 8; i++) rig.push(VIDEO, i, interFrame(i));
  flv.catchUp();
  assertEquals(flv.joinPoint, null);
  rig.push(VIDEO, 10, keyframe(9));
  flv.catchUp();
  assertEquals(brief(joiner(flv)), ["K9@10"]);
});

Deno.test("FlvStream starts in the middle of a stream without a join point", () => {
  const rig = new Rig({ maxMessages: 3 }).publish();
  for (let i = 1; i < 8; i++) rig.push(VIDEO, i, interFrame(i));
  const flv = rig.flv();
  assertEquals([flv.joinPoint, flv.log.head], [null, 0]);
});

Deno.test("FlvStream continues with what is left when the hub has dropped messages it did not read", () => {
  const rig = new Rig({ maxMessages: 3 }).publish().push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  for (let i = 2; i < 12; i++) rig.push(VIDEO, i, interFrame(i, 1_000_000));
  assert(rig.stream.log.tail > flv.hubCursor);
  flv.catchUp();
  assertEquals([flv.joinPoint, flv.hubCursor], [null, rig.stream.log.head]);
  rig.push(VIDEO, 20, keyframe(20)).push(VIDEO, 21, interFrame(21));
  flv.catchUp();
  assertEquals(brief(joiner(flv)), ["K20@20", "p21@21"]);
});

Deno.test("FlvStream continues when its source is lost and replaced", () => {
  const rig = new Rig().publish().pushHeaders().push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  rig.end("away");
  flv.catchUp();
  assertEquals([flv.isEnded, flv.joinPoint], [false, null]);
  rig.publish().push(VIDEO, 0, keyframe(2));
  flv.catchUp();
  assertEquals(brief(joiner(flv)), ["K2@40"]);
});

Deno.test("FlvStream ends when the stream is unpublished, and takes nothing from its successor", () => {
  const rig = new Rig().publish().push(VIDEO, 0, keyframe(1));
  const flv = rig.flv();
  rig.end().publish().push(VIDEO, 0, keyframe(2));
  flv.catchUp();
  assertEquals([flv.isEnded, flv.hubCursor], [true, -1]);
  assertEquals(brief(tagsIn(chunksFrom(flv), flv)), [
    "K1@0",
  ]);
});

Deno.test("FlvStream detects the end after an extended timestamp", () => {
  const rig = new Rig({ isAbsoluteTime: true }).publish().push(VIDEO, 0x1000000, keyframe(1));
  const flv = rig.flv();
  rig.end();
  flv.catchUp();
  assertEquals(flv.isEnded, true);
});

for (
  const { what, messages, flags } of [
    { what: "nothing yet", messages: [], flags: 5 },
    { what: "video", messages: [[VIDEO, AVC_HEADER]], flags: 1 },
    { what: "audio", messages: [[AUDIO, audioFrame(1)]], flags: 4 },
    { what: "both", messages: [[AUDIO, audioFrame(1)], [VIDEO, keyframe(1)]], flags: 5 },
    {
      what: "video, and metadata that mentions audio",
      messages: [[DATA, AUDIO_METADATA], [VIDEO, AVC_HEADER]],
      flags: 5,
    },
    {
      what: "video, and damaged metadata",
      messages: [[DATA, AUDIO_METADATA.subarray(0, 30)], [VIDEO, AVC_HEADER]],
      flags: 1,
    },
  ] as const
) {
  Deno.test(`FlvStream.fileHeader() has flags ${flags} for ${what}`, () => {
    const rig = new Rig().publish();
    for (const [typeId, payload] of messages) rig.push(typeId, 0, payload);
    const early = readChunks(rig.flv().fileHeader());
    assertEquals(early, hex(`464c56 01 0${flags} 00000009 00000000`));
  });
}

Deno.test("FlvStream.fileHeader() announces a track whose header is older than the newest keyframe", () => {
  const rig = new Rig().publish().pushHeaders();
  rig.push(VIDEO, 0, keyframe(1)).push(VIDEO, 40, keyframe(2));
  assertEquals(rig.flv().fileHeader()[FLAGS_AT], 5);
});

Deno.test("FlvStream.fileHeader() announces all tracks with guess_has_av off", () => {
  const rig = new Rig().publish().push(VIDEO, 0, AVC_HEADER);
  assertEquals(rig.flv({ guessTracks: false }).fileHeader()[FLAGS_AT], 5);
});

Deno.test("FlvStream drops audio that is not announced", () => {
  const rig = new Rig().publish().pushHeaders().push(VIDEO, 0, keyframe(1)).push(
    AUDIO,
    9,
    audioFrame(2),
  );
  const flv = rig.flv({ hasAudio: false });
  assertEquals(flv.fileHeader()[FLAGS_AT], 1);
  assertEquals(brief(joiner(flv)), ["meta@0", "avc@0", "K1@0"]);
});

Deno.test("FlvStream keeps audio that is not announced with drop_if_not_match off", () => {
  const rig = new Rig().publish().push(VIDEO, 0, keyframe(1)).push(AUDIO, 9, audioFrame(2));
  const flv = rig.flv({ hasAudio: false, dropIfNotMatch: false });
  assertEquals(flv.fileHeader()[FLAGS_AT], 1);
  assertEquals(brief(joiner(flv)), ["K1@0", "a2@9"]);
});

Deno.test("FlvStream applies changed settings from the next message on", () => {
  const rig = new Rig().publish().push(VIDEO, 0, keyframe(1));
  const vhost = { config: vhostWith(REMUX).config };
  const flv = new FlvStream(rig.stream, vhost, rig.chunkSize);
  rig.push(AUDIO, 10, audioFrame(2));
  flv.catchUp();
  vhost.config = vhostWith({ ...REMUX, hasAudio: false }).config;
  rig.push(AUDIO, 20, audioFrame(3)).push(VIDEO, 40, interFrame(4));
  flv.catchUp();
  assertEquals(brief(joiner(flv)), ["K1@0", "a2@10", "p4@40"]);
});

Deno.test("FlvStream.log keeps the newest GOP and what followers within the lag need", () => {
  const rig = new Rig().publish().push(VIDEO, 0, keyframe(0, 200_000));
  const flv = rig.flv();
  const near = { cursor: 0 };
  flv.join(near);
  const second = (i: number) => {
    rig.push(VIDEO, i * 1_000, keyframe(i, 200_000));
    flv.catchUp();
  };
  for (let i = 1; i <= 9; i++) second(i);
  assertEquals(flv.log.tail, 0);
  for (let i = 10; i <= 20; i++) second(i);
  assert(flv.log.tail > 0, "a follower that lags too far keeps nothing");
  for (let i = 21; i <= 200; i++) second(i);
  assert(flv.heldBytes < 5 * 1024 * 1024, `${flv.heldBytes} bytes are held`);
});

Deno.test("FlvStreams.join() shares a stream, and drops it with the last follower", () => {
  const rig = new Rig().publish().push(VIDEO, 0, keyframe(1));
  const streams = new FlvStreams(rig.chunkSize);
  const [one, two] = [{ cursor: -1 }, { cursor: -1 }];
  const vhost = vhostWith(REMUX);
  const flv = streams.join(rig.stream, one, vhost);
  assert(streams.join(rig.stream, two, vhost) === flv);
  streams.leave(rig.stream, flv, one);
  assertEquals(streams.count, 1);
  streams.leave(rig.stream, flv, two);
  assertEquals(streams.count, 0);
});

Deno.test("FlvStreams.join() creates a new stream when the last one has ended, even if that is still followed", () => {
  const rig = new Rig().publish().push(VIDEO, 0, keyframe(1));
  const streams = new FlvStreams(rig.chunkSize);
  const [one, two] = [{ cursor: -1 }, { cursor: -1 }];
  const vhost = vhostWith(REMUX);
  const old = streams.join(rig.stream, one, vhost);
  rig.end().publish().push(VIDEO, 0, keyframe(2));
  const flv = streams.join(rig.stream, two, vhost);
  assert(flv !== old);
  streams.leave(rig.stream, old, one);
  assertEquals(streams.count, 1);
  assertEquals(brief(joiner(flv)), ["K2@40"]);
});

Deno.test("FlvStream announces the tracks of the source that publishes now, while a viewer stays", () => {
  const rig = new Rig().publish().pushHeaders().push(VIDEO, 0, keyframe(1));
  const flv = rig.push(AUDIO, 9, audioFrame(2)).flv();
  assertEquals(flv.fileHeader()[FLAGS_AT], 5);
  rig.end("away").publish();
  flv.catchUp();
  assertEquals(flv.hasContent, false);
  rig.push(VIDEO, 0, AVC_HEADER).push(VIDEO, 0, keyframe(3));
  flv.catchUp();
  assertEquals(flv.fileHeader()[FLAGS_AT], 1);
  assertEquals(brief(joiner(flv)), ["avc@49", "K3@49"]);
});

Deno.test("FlvStream does not announce audio that was silent for 5 s, until it returns", () => {
  const rig = new Rig().publish().pushHeaders().push(AUDIO, 0, audioFrame(2));
  const flv = rig.flv();
  for (let timeMs = 0; timeMs <= 6_000; timeMs += 40) rig.push(VIDEO, timeMs, keyframe(1));
  flv.catchUp();
  assertEquals(flv.fileHeader()[FLAGS_AT], 1);
  rig.push(AUDIO, 6_020, audioFrame(3)).push(VIDEO, 6_040, keyframe(4));
  flv.catchUp();
  assertEquals(flv.fileHeader()[FLAGS_AT], 5);
  assertEquals(brief(joiner(flv)), ["meta@0", "avc@6040", "aac@6040", "K4@6040"]);
});
