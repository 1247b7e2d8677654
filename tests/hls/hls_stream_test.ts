import { HlsStream } from "../../lib/hls/hls_stream.ts";
import { Segmenter } from "../../lib/hls/segmenter.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { assertEquals } from "../helpers/assert.ts";
import { CHUNK_SIZE, createStream, requestFor } from "../helpers/edge_rig.ts";
import { keyframe } from "../helpers/tiny_media.ts";

/** A follower of a stream that got `count` messages at once. */
function followFlood(count: number): HlsStream {
  const stream = createStream();
  const handle = stream.publish(requestFor())!;
  const none = () => {};
  const segmenter = new Segmenter(defaultConfig().vhosts.values().next().value!.hls, {
    onPart: none,
    onSegment: none,
    onTracks: none,
    onOmitted: none,
    onLongGop: none,
    onTimeStands: none,
  });
  const follower = new HlsStream(stream, segmenter, CHUNK_SIZE);
  handle.push(9, 0, keyframe(0).payload, 0);
  follower.start();
  follower.onLive();
  for (let i = 1; i < count; i++) handle.push(9, i, keyframe(i).payload, i);
  return follower;
}

/** Counts the reads until nothing is left. */
function readsOf(follower: HlsStream): number {
  for (let reads = 1;; reads++) if (follower.readPart()) return reads;
}

Deno.test("HlsStream.readPart() reads 128 messages at most, so that a flood keeps no one waiting", () => {
  // A read also ends where a slab of the log does.
  assertEquals([100, 200, 1_000].map((count) => readsOf(followFlood(count))), [1, 2, 9]);
});

Deno.test("HlsStream.leave() reads some 4,000 messages at most", () => {
  const follower = followFlood(10_000);
  follower.leave();
  assertEquals(follower.cursor, -1);
});
