/**
 * Cost of HTTP-FLV: of a message, once per stream, and of a write, once per viewer and merge
 * period.
 */

import { FlvStream } from "../lib/http/flv_stream.ts";
import { ChunkedBody } from "../lib/http/flv_outlet.ts";
import { Stream } from "../lib/hub/stream.ts";

const CHUNK_SIZE = 60_000;

/** A video frame of a 1 Mbit/s stream with 25 frames a second. */
const VIDEO_FRAME = new Uint8Array(5_000);
VIDEO_FRAME.set([0x27, 1]);

/** 350 ms of that stream. */
const PERIOD = new Uint8Array(44_000);

const stream = new Stream("live/show", {
  chunkSize: CHUNK_SIZE,
  isAbsoluteTime: false,
  maxLagMs: 30_000,
  maxBytes: 64 * 1024 * 1024,
  maxMessages: 2_500,
  keepBackMs: 3_500,
}, () => {});
const source = stream.publish()!;
const httpRemux = {
  enabled: true,
  mount: "/[app]/[stream].flv",
  format: "flv" as const,
  hasAudio: true,
  hasVideo: true,
  guessTracks: true,
  dropIfNotMatch: true,
};
const vhost = { config: { httpRemux, play: { queueLengthMs: 30_000 } } };
const flv = new FlvStream(stream, vhost, CHUNK_SIZE);
let nowMs = 0;

Deno.bench("PublishHandle.push() and FlvStream.catchUp() of one message of 5 kB", () => {
  source.push(9, nowMs += 40, VIDEO_FRAME, nowMs += 40);
  flv.catchUp();
});

Deno.bench("FlvStream.catchUp() without a new message", () => {
  flv.catchUp();
});

const body = new ChunkedBody();
body.onOpen({ write: (bytes) => Promise.resolve(bytes.length), close() {}, closeSoon() {} });

Deno.bench("ChunkedBody.write() of 44 kB to a socket that takes it", async () => {
  await body.write(PERIOD);
});
