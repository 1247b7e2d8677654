import { muxCmaf } from "../../lib/hls/cmaf_mux.ts";
import { type Segment, Segmenter } from "../../lib/hls/segmenter.ts";
import { assertEquals } from "../helpers/assert.ts";
import { findBoxes } from "../helpers/mp4_boxes.ts";
import { AAC_CONFIG, audioFrame, AVC_CONFIG, videoFrame } from "./rig.ts";

const [AUDIO, VIDEO] = [8, 9];

/** Has duration, size, flags and composition offset of each sample (ISO/IEC 14496-12 §8.8.8.1). */
const DURATION = 0x100;
const FIELDS = [DURATION, 0x200, 0x400, 0x800];

/** The sum of a run's durations, in ticks; null if they are not in it. */
function durationOf(run: DataView): number | null {
  const flags = run.getUint32(0);
  if (!(flags & DURATION)) return null;
  const first = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
  const bytes = 4 * FIELDS.filter((field) => flags & field).length;
  return Array.from(
    { length: run.getUint32(4) },
    (_, index) => run.getUint32(first + bytes * index),
  )
    .reduce((sum, each) => sum + each, 0);
}

Deno.test("the video of a CMAF segment lasts as long as the segment, however its frames are stamped", async () => {
  const segments: Segment[] = [];
  const ignore = () => {};
  const segmenter = new Segmenter({
    ...{ fragmentMs: 1000, targetDurationRatio: 1, audioOverflowRatio: 2, waitKeyframe: true },
  }, {
    onSegment: (segment) => segments.push(segment),
    ...{ onTracks: ignore, onOmitted: ignore, onLongGop: ignore, onTimeStands: ignore },
  });
  segmenter.push(VIDEO, 0, AVC_CONFIG);
  segmenter.push(AUDIO, 0, AAC_CONFIG);
  // 24 frames a second in whole ms: the last one of a second lasts 41 ms, the one before it 42.
  for (let index = 0; index <= 24; index++) {
    const timeMs = Math.ceil(index * 1000 / 24);
    segmenter.push(VIDEO, timeMs, videoFrame(index % 24 === 0, index));
    segmenter.push(AUDIO, timeMs, audioFrame(index));
  }
  const { init, media } = await muxCmaf(segments[0]!, () => Promise.resolve());
  const [mdhd] = findBoxes("mdhd", init);
  const timescale = mdhd!.getUint32(mdhd!.getUint8(0) === 1 ? 20 : 12);
  assertEquals(segments[0]!.durationMs, 1000);
  assertEquals(durationOf(findBoxes("trun", media)[0]!), timescale);
});
