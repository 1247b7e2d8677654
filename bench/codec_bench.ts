/** Cost of a media message from its chunks to the log: `deno bench bench/codec_bench.ts`. */

import { JoinIndex } from "../lib/hub/join_index.ts";
import { Stream } from "../lib/hub/stream.ts";
import { StreamLog } from "../lib/hub/stream_log.ts";
import { Timeline } from "../lib/hub/timeline.ts";
import { encodeMessage } from "../lib/rtmp/chunk_encode.ts";
import { ChunkReader } from "../lib/rtmp/chunk_reader.ts";
import { MessageType } from "../lib/rtmp/constants.ts";

/** One second of 1 Mbit/s: 25 video frames of 4.4 kB and 43 audio frames of 350 bytes. */
const SECOND = Array.from({ length: 68 }, (_, index) => {
  const isVideo = index % 68 < 25;
  const payload = new Uint8Array(isVideo ? 4400 : 350);
  // AVC inter frames and AAC frames; the first video frame is a keyframe.
  payload.set(isVideo ? [index === 0 ? 0x17 : 0x27, 1] : [0xAF, 1]);
  return { csid: isVideo ? 6 : 4, typeId: isVideo ? 9 : 8, msid: 1, timestampMs: index, payload };
});
const CHUNK_SIZE = 60_000;
const LIMITS = { maxBytes: 1 << 26, maxMessages: 2500, keepBackMs: 0 };

function wireBytes(chunkSize: number): Uint8Array {
  const parts = SECOND.map((message) => encodeMessage(message, message.payload, chunkSize));
  const size = encodeMessage(
    { csid: 2, typeId: 1, msid: 0, timestampMs: 0 },
    new Uint8Array([0, 0, chunkSize >>> 8, chunkSize]),
    128,
  );
  return Uint8Array.from([size, ...parts].flatMap((part) => [...part]));
}

for (const chunkSize of [128, 4096, CHUNK_SIZE]) {
  const bytes = wireBytes(chunkSize);
  Deno.bench(`ChunkReader.push(): 1 s of 1 Mbit/s in chunks of ${chunkSize}`, () => {
    new ChunkReader({ onMessage() {} }).push(bytes);
  });
}

const log = new StreamLog(CHUNK_SIZE);
Deno.bench("StreamLog.append(): 1 s of 1 Mbit/s", () => {
  for (const message of SECOND) {
    if (log.append(message, message.payload)) log.dropBefore(log.head);
  }
});

const joinIndex = new JoinIndex(LIMITS);
const timeline = new Timeline({ isAbsolute: false });
Deno.bench("JoinIndex.observe() and Timeline.map(): 1 s of 1 Mbit/s", () => {
  for (const { typeId, timestampMs, payload } of SECOND) {
    const track = typeId === MessageType.VIDEO ? "video" : "audio";
    joinIndex.observe(typeId, timeline.map(track, timestampMs, timestampMs), payload, 0);
  }
  joinIndex.end();
});

const stream = new Stream(
  "live/show",
  { ...LIMITS, chunkSize: CHUNK_SIZE, isAbsoluteTime: false, maxLagMs: 30_000 },
  () => {},
);
const handle = stream.publish();
Deno.bench("PublishHandle.push(): 1 s of 1 Mbit/s, all of the above", () => {
  for (const { typeId, timestampMs, payload } of SECOND) {
    handle?.push(typeId, timestampMs, payload, timestampMs);
  }
});
