/** A stream: its source, its viewers, the notices they get, and the bytes it keeps for them. */

import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { createStreamStats } from "../../lib/hub/stream_stats.ts";
import { Stream } from "../../lib/hub/stream.ts";
import type { StreamOptions } from "../../lib/hub/stream_options.ts";
import type { Viewer } from "../../lib/hub/viewer.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
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
  SET_METADATA,
} from "../helpers/media.ts";
import { readMessages, wordFor } from "../helpers/read_messages.ts";
import type { WireMessage } from "../helpers/wire_message.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const CHUNK_SIZE = 60_000;
const MIB = 1024 * 1024;

const OPTIONS: StreamOptions = {
  chunkSize: CHUNK_SIZE,
  isAbsoluteTime: false,
  maxLagMs: 30_000,
  maxBytes: 64 * MIB,
  maxMessages: 2_500,
  keepBackMs: 0,
};

class TestViewer implements Viewer {
  cursor = -1;
  lives = 0;

  onLive(): void {
    this.lives++;
  }
}

function createStream(options: Partial<StreamOptions> = {}): Stream {
  return new Stream("live/show", { ...OPTIONS, ...options }, () => {});
}

function publish(stream: Stream): PublishHandle {
  const handle = stream.publish();
  assert(handle !== null, "the stream has a source");
  return handle;
}

/** All bytes of the log from `cursor` on. */
function readLog(stream: Stream, cursor = stream.log.tail): Uint8Array {
  const views: Uint8Array[] = [];
  for (let at = cursor; at < stream.log.head; at += views.at(-1)!.length) {
    views.push(stream.log.view(at));
  }
  return concatBytes(views);
}

function messagesOf(stream: Stream, cursor?: number): WireMessage[] {
  return readMessages(readLog(stream, cursor), CHUNK_SIZE);
}

function timesOf(stream: Stream): number[] {
  const media = messagesOf(stream).filter(({ typeId }) => [AUDIO, VIDEO, DATA].includes(typeId));
  return media.map(({ timestampMs }) => timestampMs);
}

Deno.test("Stream.publish() returns null while another source feeds the stream", () => {
  const stream = createStream();
  const handle = publish(stream);
  assertEquals(stream.publish(), null);
  assertEquals(stream.hasSource, true);
  handle.end("unpublished");
  assertEquals(stream.hasSource, false);
  assert(stream.publish() !== null);
});

Deno.test("PublishHandle.end() has no effect on the next source", () => {
  const stream = createStream();
  const first = publish(stream);
  first.end("lost");
  const second = publish(stream);
  first.end("unpublished");
  first.push(VIDEO, 0, keyframe(1), 0);
  assert(first.isClosed);
  assert(!second.isClosed);
  assertEquals(stream.hasSource, true);
  assertEquals(messagesOf(stream), []);
});

Deno.test("PublishHandle.push() appends messages with the ids and times that players get", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(DATA, 0, SET_METADATA, 0);
  handle.push(VIDEO, 500, AVC_HEADER, 500);
  handle.push(AUDIO, 510, AAC_HEADER, 510);
  handle.push(VIDEO, 520, keyframe(7), 520);
  assertEquals(messagesOf(stream), [
    { typeId: DATA, timestampMs: 0, msid: 1, payload: METADATA },
    { typeId: VIDEO, timestampMs: 0, msid: 1, payload: AVC_HEADER },
    { typeId: AUDIO, timestampMs: 0, msid: 1, payload: AAC_HEADER },
    { typeId: VIDEO, timestampMs: 520, msid: 1, payload: keyframe(7) },
  ]);
});

Deno.test("PublishHandle.push() copies the payload, whose memory the caller reuses", () => {
  const stream = createStream();
  const handle = publish(stream);
  const payload = keyframe(7);
  handle.push(VIDEO, 0, payload, 0);
  payload.fill(0xee);
  assertEquals(messagesOf(stream)[0]!.payload, keyframe(7));
});

Deno.test("PublishHandle.push() accepts an empty message", () => {
  const stream = createStream();
  publish(stream).push(AUDIO, 0, hex(""), 0);
  assertEquals(readLog(stream), hex("04 000000 000000 08 01000000"));
});

Deno.test("Stream.stats count appended messages", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(DATA, 0, SET_METADATA, 0);
  handle.push(VIDEO, 0, keyframe(0, 100), 0);
  handle.push(AUDIO, 0, audioFrame(0, 10), 0);
  const payloadBytes = METADATA.length + 110;
  const counted = { messages: 3, videoMessages: 1, payloadBytes };
  assertEquals(stream.stats, { ...createStreamStats(), ...counted });
});

Deno.test("PublishHandle.end() appends the notice of an unpublished stream", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(VIDEO, 500, keyframe(), 500);
  const head = stream.log.head;
  handle.end("unpublished");
  assertEquals(
    readLog(stream, head),
    hex(`
      03  00 01 f4  00 00 91  14  01 00 00 00               // command on csid 3 at 500 ms
      02 0008 6f6e537461747573                              // "onStatus"
      00 0000000000000000  05                               // 0, null
      03
      0005 6c6576656c  02 0006 737461747573                 // level: "status"
      0004 636f6465                                         // code:
      02 001e 4e657453747265616d2e506c61792e556e7075626c6973684e6f74696679
      000b 6465736372697074696f6e                           // description:
      02 001c 6c6976652f73686f77206973206e6f7720756e7075626c6973686564
      0008 636c69656e746964  02 0008 4153414943697373       // clientid: "ASAICiss"
      0000 09
      02  00 01 f4  00 00 06  04  00 00 00 00               // user control on csid 2
      00 01  00 00 00 01                                    // StreamEOF of stream 1
    `),
  );
});

Deno.test("Stream.publish() appends a notice after an unpublish, before media", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(), 0);
  first.end("unpublished");
  publish(stream).push(VIDEO, 0, keyframe(), 0);
  assertEquals(messagesOf(stream).map(wordFor), [
    "video",
    "NetStream.Play.UnpublishNotify",
    "StreamEOF",
    "StreamBegin",
    "NetStream.Play.PublishNotify",
    "video",
  ]);
});

Deno.test("Stream.publish() marks in the log where another source follows a lost one", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(), 0);
  first.end("lost");
  publish(stream).push(VIDEO, 0, keyframe(), 0);
  assertEquals(messagesOf(stream).map(wordFor), ["video", "StreamBegin", "video"]);
  // Joiners start after the mark.
  assertEquals(messagesOf(stream, stream.joinPointAt(0)!.offset).map(wordFor), ["video"]);
});

Deno.test("Stream.resume() marks nothing: the source continues the same encode", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(), 0);
  first.end("lost");
  stream.resume({ sourceMs: 40, streamMs: 40 })!.push(VIDEO, 40, interFrame(), 40);
  assertEquals(messagesOf(stream).map(wordFor), ["video", "video"]);
});

Deno.test("Stream.publish() appends no notice for the first source", () => {
  const stream = createStream();
  publish(stream).end("lost");
  assertEquals(stream.log.head, 0);
});

Deno.test("Stream.publish() calls onLive of viewers that have not left", () => {
  const stream = createStream();
  const [stays, leaves] = [new TestViewer(), new TestViewer()];
  stream.join(stays);
  stream.join(leaves);
  const first = publish(stream);
  stream.leave(leaves);
  first.end("unpublished");
  publish(stream);
  assertEquals([stays.lives, leaves.lives], [2, 1]);
});

Deno.test("Stream calls onFirstMedia once per source, at its first frame", () => {
  const stream = createStream();
  const told: string[] = [];
  stream.join({
    cursor: -1,
    onLive: () => told.push("live"),
    onFirstMedia: () => told.push(`media at ${stream.log.head > 0}`),
  });
  const first = publish(stream);
  first.push(18, 0, METADATA, 0);
  first.push(9, 0, AVC_HEADER, 0);
  assertEquals(told, ["live"]);
  first.push(9, 0, keyframe(1), 0);
  first.push(9, 40, keyframe(2), 40);
  assertEquals(told, ["live", "media at true"]);
  first.end("lost");
  publish(stream).push(8, 0, Uint8Array.of(0xaf, 1, 2), 0);
  assertEquals(told, ["live", "media at true", "live", "media at true"]);
});

Deno.test("Stream.publish() lets viewers leave and join in onLive", () => {
  const stream = createStream();
  const late = new TestViewer();
  const hasty: Viewer = {
    cursor: -1,
    onLive: () => {
      stream.leave(hasty);
      stream.join(late);
    },
  };
  stream.join(hasty);
  publish(stream);
  assertEquals(stream.viewerCount, 1);
});

Deno.test("Stream.isLive is true while there is a source, or join points of a lost one", () => {
  const stream = createStream();
  assertEquals(stream.isLive, false);
  const first = publish(stream);
  assertEquals(stream.isLive, true);
  first.end("lost");
  assertEquals(stream.isLive, true);
  publish(stream).end("unpublished");
  assertEquals(stream.isLive, false);
});

Deno.test("Stream.joinPoint gives a viewer metadata, headers and the keyframe", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(DATA, 0, SET_METADATA, 0);
  handle.push(VIDEO, 0, AVC_HEADER, 0);
  handle.push(AUDIO, 0, AAC_HEADER, 0);
  handle.push(VIDEO, 0, keyframe(1), 0);
  handle.push(VIDEO, 40, interFrame(2), 40);
  handle.push(VIDEO, 80, keyframe(3), 80);
  handle.push(VIDEO, 120, interFrame(4), 120);
  const point = stream.joinPoint!;
  assertEquals(
    stream.preamble(point),
    hex(`
      05  00 00 00  00 00 15  12  01 00 00 00
      02 000a 6f6e4d65746144617461  08 00000000 0000 09
      06  00 00 50  00 00 09  09  01 00 00 00
      17 00 000000 01640020
      04  00 00 50  00 00 04  08  01 00 00 00
      af 00 1210
    `),
  );
  const frames = messagesOf(stream, point.offset);
  assertEquals(frames.map(({ payload }) => idOf(payload)), [3, 4]);
});

Deno.test("Stream.preamble() is one array for all viewers of a join point", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(VIDEO, 0, AVC_HEADER, 0);
  handle.push(VIDEO, 0, keyframe(), 0);
  const point = stream.joinPoint!;
  assert(stream.preamble(point) === stream.preamble(stream.joinPoint!));
});

// A source that is away.

Deno.test("Stream tells players of no source that is away, only when it stops waiting", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(), 0);
  first.end("away");
  publish(stream).end("away");
  assertEquals(messagesOf(stream).map(wordFor), ["video", "StreamBegin"]);
  stream.unpublish();
  stream.unpublish();
  publish(stream).push(VIDEO, 0, keyframe(), 0);
  stream.unpublish();
  assertEquals(messagesOf(stream).map(wordFor), [
    "video",
    "StreamBegin",
    "NetStream.Play.UnpublishNotify",
    "StreamEOF",
    "StreamBegin",
    "NetStream.Play.PublishNotify",
    "video",
  ]);
});

Deno.test("Stream has no join point while its source is away", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(1), 0);
  first.end("away");
  assertEquals([stream.isLive, stream.joinPoint], [false, null]);
  const viewer = new TestViewer();
  stream.join(viewer);
  publish(stream).push(VIDEO, 0, keyframe(2), 0);
  assertEquals(viewer.lives, 1);
  const frames = messagesOf(stream, stream.joinPoint!.offset);
  assertEquals(frames.map(({ payload }) => idOf(payload)), [2]);
});

// Time.

Deno.test("Stream continues its time when the next source starts at 0", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(), 0);
  first.push(VIDEO, 5_000, interFrame(), 5_000);
  first.end("lost");
  const second = publish(stream);
  second.push(VIDEO, 0, keyframe(), 0);
  second.push(VIDEO, 40, interFrame(), 40);
  assertEquals(timesOf(stream), [0, 5_000, 5_040, 5_080]);
});

Deno.test("Stream stamps metadata with 0, and other data without time with the newest time", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(VIDEO, 5_000, keyframe(), 5_000);
  handle.push(DATA, 0, SET_METADATA, 0);
  handle.push(DATA, 5_010, METADATA, 5_010);
  handle.push(DATA, 0, hex("02 0001 41"), 0);
  handle.push(DATA, 5_020, hex("02 0001 41"), 5_020);
  handle.push(VIDEO, 5_040, interFrame(), 5_040);
  assertEquals(timesOf(stream), [5_000, 0, 0, 5_000, 5_020, 5_040]);
});

Deno.test("Stream does not take the clock of a data message for a new clock", () => {
  const stream = createStream();
  const handle = publish(stream);
  handle.push(VIDEO, 5_000, keyframe(), 5_000);
  handle.push(DATA, 1_700_000_000, hex("02 0001 41"), 1_700_000_000);
  handle.push(VIDEO, 5_040, interFrame(), 5_040);
  assertEquals(timesOf(stream), [5_000, 5_000, 5_040]);
});

Deno.test("Stream does not take a header stamped 0 in mid-stream for a new clock", () => {
  const stream = createStream();
  const handle = publish(stream);
  for (let timeMs = 0; timeMs <= 100_000; timeMs += 10_000) {
    handle.push(VIDEO, timeMs, keyframe(), timeMs);
  }
  handle.push(VIDEO, 0, AVC_HEADER, 0);
  handle.push(AUDIO, 0, AAC_HEADER, 0);
  handle.push(VIDEO, 100_040, interFrame(), 100_040);
  assertEquals(timesOf(stream).slice(-3), [100_000, 100_000, 100_040]);
});

Deno.test("Stream makes no gap when headers stamped 0 precede a running stream", () => {
  const stream = createStream();
  const first = publish(stream);
  first.push(VIDEO, 0, keyframe(), 0);
  first.end("lost");
  const second = publish(stream);
  second.push(VIDEO, 0, AVC_HEADER, 0);
  second.push(AUDIO, 0, AAC_HEADER, 0);
  second.push(VIDEO, 45_000, keyframe(), 45_000);
  second.push(VIDEO, 45_040, interFrame(), 45_040);
  assertEquals(timesOf(stream), [0, 0, 0, 40, 80]);
});

Deno.test("Stream keeps a publisher's timestamps if isAbsoluteTime is set", () => {
  const stream = createStream({ isAbsoluteTime: true });
  const handle = publish(stream);
  handle.push(VIDEO, 5_000_000, AVC_HEADER, 5_000_000);
  handle.push(VIDEO, 5_000_000, keyframe(), 5_000_000);
  handle.push(VIDEO, 100, keyframe(), 100);
  assertEquals(timesOf(stream), [5_000_000, 5_000_000, 100]);
});

// Retention.

/** Feeds a GOP of `count` messages of 10 kB, 40 ms apart from `fromMs` on. */
function feedGop(handle: PublishHandle, fromMs: number, count: number): void {
  handle.push(VIDEO, fromMs, keyframe(fromMs, 10_000), fromMs);
  for (let i = 1; i < count; i++) {
    handle.push(VIDEO, fromMs + i * 40, interFrame(fromMs + i, 10_000), fromMs + i * 40);
  }
}

Deno.test("Stream keeps its newest GOP and drops older ones", () => {
  const stream = createStream();
  const handle = publish(stream);
  for (let gop = 0; gop < 100; gop++) feedGop(handle, gop * 2_000, 50);
  const point = stream.joinPoint!;
  assertEquals(point.timestampMs, 99 * 2_000);
  assert(stream.log.tail <= point.offset);
  assertEquals(messagesOf(stream, point.offset).length, 50);
  // A GOP takes half a slab.
  assert(stream.log.head - stream.log.tail <= 2 * MIB, `${stream.log.head - stream.log.tail}`);
});

Deno.test("Stream keeps the bytes of a slow viewer up to maxLagMs", () => {
  const stream = createStream({ maxLagMs: 20_000 });
  const handle = publish(stream);
  const viewer = new TestViewer();
  stream.join(viewer);
  feedGop(handle, 0, 50);
  viewer.cursor = stream.joinPoint!.offset;
  for (let gop = 1; gop < 10; gop++) feedGop(handle, gop * 2_000, 50);
  assertEquals(stream.log.tail, 0, "dropped although the viewer may lag so far");
  for (let gop = 10; gop < 20; gop++) feedGop(handle, gop * 2_000, 50);
  assert(stream.log.tail > viewer.cursor, "kept although the viewer lags too far");
  assert(stream.log.head - stream.log.tail <= 3 * MIB);
});

Deno.test("Stream keeps the bytes of a thin stream whose slabs span minutes", () => {
  const stream = createStream({ maxLagMs: 10_000 });
  const handle = publish(stream);
  const viewer = new TestViewer();
  stream.join(viewer);
  for (let second = 0; second < 600; second++) {
    handle.push(VIDEO, second * 1_000, keyframe(second, 5_000), second * 1_000);
    // Its last flush was a second ago.
    assert(viewer.cursor < 0 || viewer.cursor >= stream.log.tail, `cursor dropped at ${second} s`);
    assert(viewer.cursor < 0 || stream.log.lagMs(viewer.cursor) <= 1_000, `at ${second} s`);
    viewer.cursor = stream.joinPoint!.offset;
  }
});

Deno.test("Stream drops an endless GOP beyond maxBytes", () => {
  const stream = createStream({ maxBytes: MIB });
  const handle = publish(stream);
  feedGop(handle, 0, 2_000);
  assertEquals(stream.joinPoint, null);
  assert(stream.log.head - stream.log.tail <= 2 * MIB, `${stream.log.head - stream.log.tail}`);
});

Deno.test("Stream drops an endless GOP beyond maxMessages", () => {
  const stream = createStream({ maxMessages: 100 });
  const handle = publish(stream);
  handle.push(VIDEO, 0, keyframe(), 0);
  for (let i = 1; i < 200; i++) handle.push(VIDEO, i * 40, interFrame(i), i * 40);
  assertEquals(stream.joinPoint, null);
  handle.push(VIDEO, 8_000, keyframe(), 8_000);
  assertEquals(stream.joinPoint?.timestampMs, 8_000);
});

Deno.test("Stream does not grow for a waiting viewer", () => {
  const stream = createStream({ maxBytes: MIB });
  stream.join(new TestViewer());
  feedGop(publish(stream), 0, 2_000);
  assert(stream.log.head - stream.log.tail <= 2 * MIB);
});

Deno.test("Stream stops growing when its time stands still and a viewer is paused", () => {
  const stream = createStream({ maxBytes: MIB });
  const handle = publish(stream);
  const viewer = new TestViewer();
  stream.join(viewer);
  viewer.cursor = 0;
  const large = keyframe(0, 4 * MIB);
  for (let i = 0; i < 50; i++) handle.push(VIDEO, 0, large, 0);
  assert(stream.log.tail > viewer.cursor);
  assert(stream.log.head - stream.log.tail <= 136 * MIB, `${stream.log.head - stream.log.tail}`);
});

Deno.test("Stream.leave() has no effect when repeated", () => {
  let idle = 0;
  const stream = new Stream("live/show", OPTIONS, () => idle++);
  const viewer = new TestViewer();
  stream.join(viewer);
  stream.leave(viewer);
  stream.leave(viewer);
  assertEquals(idle, 1);
});
