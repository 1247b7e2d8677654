import { LoopedSample } from "../../lib/demo/looped_sample.ts";
import { decodeSampleFlv, SAMPLE_DURATION_MS } from "../../lib/demo/sample.ts";
import type { FlvTag } from "../../lib/media/flv_file.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const AUDIO = 8;
const VIDEO = 9;
const DATA = 18;
const VIDEO_FRAMES = 100; // 4 s of 40 ms
const AUDIO_FRAMES = 125; // 4 s of 32 ms

function timesOf(tags: readonly FlvTag[], typeId: number): number[] {
  return tags.filter((tag) => tag.typeId === typeId).map((tag) => tag.timestampMs);
}

Deno.test("decodeSampleFlv() returns an FLV file of the size that ffmpeg wrote", () => {
  const bytes = decodeSampleFlv();
  assertEquals(bytes.length, 103_465);
  // "FLV", version 1, audio and video
  assertEquals([...bytes.subarray(0, 5)], [0x46, 0x4c, 0x56, 1, 5]);
});

Deno.test("LoopedSample.takeDue() starts with metadata and headers, then the first frames", () => {
  const tags = new LoopedSample().takeDue(0);
  assertEquals(tags.map((tag) => [tag.typeId, tag.timestampMs]), [
    [DATA, 0],
    [VIDEO, 0],
    [AUDIO, 0],
    [VIDEO, 0],
    [AUDIO, 0],
  ]);
  const [data, videoHeader, audioHeader, keyframe, audioFrame] = tags.map((tag) => tag.payload);
  // AMF0 string of 13 characters: "@s…", then string of 10 characters: "on…"
  assertEquals([...data!.subarray(0, 5)], [0x02, 0x00, 0x0d, 0x40, 0x73]);
  assertEquals([...data!.subarray(16, 21)], [0x02, 0x00, 0x0a, 0x6f, 0x6e]);
  assertEquals([...videoHeader!.subarray(0, 2)], [0x17, 0x00]); // keyframe AVC, sequence header
  assertEquals([...audioHeader!.subarray(0, 2)], [0xaf, 0x00]); // AAC, sequence header
  assertEquals([...keyframe!.subarray(0, 2)], [0x17, 0x01]); // keyframe AVC, frame
  assertEquals([...audioFrame!.subarray(0, 2)], [0xaf, 0x01]); // AAC, frame
});

Deno.test("LoopedSample.takeDue() returns every tag once", () => {
  const sample = new LoopedSample();
  sample.takeDue(0);
  assertEquals(sample.takeDue(31), []);
  assertEquals(sample.takeDue(40).map((tag) => [tag.typeId, tag.timestampMs]), [
    [AUDIO, 32],
    [VIDEO, 40],
  ]);
  assertEquals(sample.takeDue(40), []);
});

Deno.test("LoopedSample.takeDue() continues over the seam at an even pace", () => {
  const tags = new LoopedSample().takeDue(3 * SAMPLE_DURATION_MS - 1);
  const frames = tags.slice(3);
  const videoTimes = timesOf(frames, VIDEO);
  const audioTimes = timesOf(frames, AUDIO);
  assertEquals(videoTimes, Array.from({ length: 3 * VIDEO_FRAMES }, (_, i) => i * 40));
  assertEquals(audioTimes, Array.from({ length: 3 * AUDIO_FRAMES }, (_, i) => i * 32));
  const times = frames.map((tag) => tag.timestampMs);
  assert(times.every((time, i) => i === 0 || time >= times[i - 1]!), "times run backwards");
});

Deno.test("LoopedSample.takeDue() repeats the frames but neither metadata nor headers", () => {
  const sample = new LoopedSample();
  const first = sample.takeDue(SAMPLE_DURATION_MS - 1).slice(3);
  const second = sample.takeDue(2 * SAMPLE_DURATION_MS - 1);
  assertEquals(second.map((tag) => tag.payload), first.map((tag) => tag.payload));
});

Deno.test("LoopedSample.takeDue() returns a keyframe each second", () => {
  const tags = new LoopedSample().takeDue(2 * SAMPLE_DURATION_MS - 1).slice(3);
  const keyframes = tags.filter((tag) => tag.typeId === VIDEO && tag.payload[0] === 0x17);
  assertEquals(timesOf(keyframes, VIDEO), [0, 1000, 2000, 3000, 4000, 5000, 6000, 7000]);
});
