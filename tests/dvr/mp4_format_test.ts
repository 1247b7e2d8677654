import { systemClock } from "../../lib/base/clock.ts";
import { concatBytes } from "../../lib/base/bytes.ts";
import { Mp4Format } from "../../lib/dvr/mp4_format.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { boxesIn, findBoxes, numbersOf } from "../helpers/mp4_boxes.ts";
import { AAC_CONFIG, audioFrame, AVC_CONFIG, videoFrame } from "../hls/rig.ts";

const [AUDIO, VIDEO] = [8, 9];

/** AAC-LC, 48000 Hz, mono. */
const OTHER_AAC = hex("AF 00 1188");

function createFormat(omitted: string[] = []): Mp4Format {
  return new Mp4Format({
    clock: systemClock,
    loadCmaf: () => import("../../lib/hls/cmaf_mux.ts"),
    waitKeyframe: true,
    onOmitted: (codecName) => omitted.push(codecName),
  });
}

/** Pushes 25 frames a second, with a keyframe every two seconds. */
function send(format: Mp4Format, fromMs: number, toMs: number, tracks = [VIDEO, AUDIO]): void {
  for (let timeMs = fromMs; timeMs < toMs; timeMs += 40) {
    const video = videoFrame(timeMs % 2000 === 0, timeMs);
    if (tracks.includes(VIDEO)) format.push({ typeId: VIDEO, timeMs, payload: video });
    if (tracks.includes(AUDIO)) format.push({ typeId: AUDIO, timeMs, payload: audioFrame(timeMs) });
  }
}

function begin(format: Mp4Format): void {
  format.push({ typeId: VIDEO, timeMs: 0, payload: AVC_CONFIG });
  format.push({ typeId: AUDIO, timeMs: 0, payload: AAC_CONFIG });
}

Deno.test("Mp4Format writes an init segment, then a fragment every half second", async () => {
  const format = createFormat();
  begin(format);
  send(format, 0, 560);
  const first = await format.take();
  assertEquals(boxesIn(first).map(({ type }) => type).slice(0, 2), ["ftyp", "moov"]);
  assertEquals(findBoxes("moof", first).length, 1);
  send(format, 560, 3040);
  const next = await format.take();
  assertEquals(findBoxes("moov", next).length, 0);
  assertEquals(findBoxes("moof", next).length, 4);
  assertEquals(new Set(numbersOf("tfhd", concatBytes([first, next]))), new Set([1, 2]));
  assertEquals(numbersOf("mfhd", concatBytes([first, next])), [1, 2, 3, 4, 5]);
});

Deno.test("Mp4Format keeps every frame to the end, however little is left", async () => {
  const format = createFormat();
  begin(format);
  send(format, 0, 1040);
  const bytes = concatBytes([await format.take(), await format.takeRest()]);
  const counts = numbersOf("trun", bytes);
  assertEquals(counts.reduce((sum, count) => sum + count), 26 * 2);
});

Deno.test("Mp4Format keeps the number of a track while the other is silent", async () => {
  const format = createFormat();
  begin(format);
  send(format, 0, 560);
  await format.take();
  send(format, 560, 2200, [AUDIO]);
  const bytes = await format.take();
  assertEquals(new Set(numbersOf("tfhd", bytes).slice(2)), new Set([2]));
});

Deno.test("Mp4Format ends a file before another decoder configuration", async () => {
  const format = createFormat();
  begin(format);
  const other = { typeId: AUDIO, timeMs: 0, payload: OTHER_AAC };
  assertEquals(format.endsBefore(other), false);
  send(format, 0, 560);
  await format.take();
  assertEquals(format.endsBefore({ ...other, payload: AAC_CONFIG }), false);
  assertEquals(format.endsBefore(other), true);
});

Deno.test("Mp4Format names a codec that MP4 cannot hold", async () => {
  const omitted: string[] = [];
  const format = createFormat(omitted);
  // Speex (FLV 10.1 E.4.2.1).
  format.push({ typeId: AUDIO, timeMs: 0, payload: hex("B2 00 11 22") });
  assertEquals(omitted, ["Speex"]);
  assertEquals(await format.takeRest(), new Uint8Array(0));
});
