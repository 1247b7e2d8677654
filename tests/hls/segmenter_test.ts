import { parseConfig } from "../../lib/config/parse_config.ts";
import type { Part } from "../../lib/hls/part.ts";
import { type Segment, Segmenter } from "../../lib/hls/segmenter.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { AAC_CONFIG, audioFrame, AVC_CONFIG, videoFrame } from "./rig.ts";

const [AUDIO, VIDEO] = [8, 9];

/** An AVC header of another profile, and a mono AAC header. */
const OTHER_AVC = AVC_CONFIG.slice();
OTHER_AVC[6] = 0x42;
const OTHER_AAC = hex("AF 00 1208");

class Rig {
  readonly segments: Segment[] = [];
  readonly parts: Part[] = [];
  readonly omitted: string[] = [];
  readonly longGops: number[] = [];
  timeStands = 0;
  readonly #segmenter: Segmenter;

  constructor(directives = "hls_fragment 2;") {
    const text = `listen 1; vhost v { hls { ${directives} } }`;
    const { config } = parseConfig(text, "x.conf", { readFile: () => undefined });
    this.#segmenter = new Segmenter(config.vhosts.get("v")!.hls, {
      onSegment: (segment) => this.segments.push(segment),
      onPart: (part) => this.parts.push(part),
      onTracks() {},
      onOmitted: (name, reason) => this.omitted.push(`${name}: ${reason}`),
      onLongGop: (gopMs) => this.longGops.push(gopMs),
      onTimeStands: () => this.timeStands++,
    });
  }

  video(timeMs: number, payload: Uint8Array = videoFrame(false, timeMs)): void {
    this.#segmenter.push(VIDEO, timeMs >>> 0, payload);
  }

  key(timeMs: number): void {
    this.video(timeMs, videoFrame(true, timeMs));
  }

  audio(timeMs: number, payload: Uint8Array = audioFrame(timeMs)): void {
    this.#segmenter.push(AUDIO, timeMs >>> 0, payload);
  }

  headers(): void {
    this.video(0, AVC_CONFIG);
    this.audio(0, AAC_CONFIG);
  }

  breakOff(): void {
    this.#segmenter.breakOff();
  }

  /** Segments as text: packet times (`v` and `a`, `V` for keyframes), duration, `!` for a break. */
  get shown(): string[] {
    return this.segments.map(({ packets, durationMs, isDiscontinuity }) => {
      const times = packets.map(({ isVideo, isKey, decodeMs }) =>
        `${isVideo ? (isKey ? "V" : "v") : "a"}${decodeMs}`
      );
      return `${isDiscontinuity ? "!" : ""}${times.join(" ")} = ${durationMs}`;
    });
  }
}

Deno.test("Segmenter cuts at the first keyframe after hls_fragment", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.audio(10);
  rig.key(1000);
  rig.video(2500);
  rig.key(3000);
  rig.audio(3100);
  rig.key(5000);
  assertEquals(rig.shown, ["!V0 a10 V1000 v2500 = 3000", "V3000 a3100 = 2000"]);
});

Deno.test("Segmenter cuts at keyframes that jitter around hls_fragment", () => {
  const rig = new Rig();
  rig.headers();
  for (const timeMs of [0, 1990, 4010, 5930, 7930]) rig.key(timeMs);
  assertEquals(rig.shown, ["!V0 = 1990", "V1990 = 2020", "V4010 = 1920", "V5930 = 2000"]);
});

Deno.test("Segmenter prefers the keyframe that is nearest to hls_fragment", () => {
  const rig = new Rig();
  rig.headers();
  for (let timeMs = 0; timeMs <= 4000; timeMs += 80) rig.key(timeMs);
  assertEquals(rig.segments.map(({ durationMs }) => durationMs), [2000, 2000]);
  const short = new Rig();
  short.headers();
  for (const timeMs of [0, 1800, 3600]) short.key(timeMs);
  assertEquals(short.shown, ["!V0 V1800 = 3600"]);
});

Deno.test("Segmenter cuts at any video frame if hls_wait_keyframe is off", () => {
  const rig = new Rig("hls_fragment 2; hls_wait_keyframe off;");
  rig.headers();
  rig.key(0);
  rig.video(1999);
  rig.video(2000);
  rig.video(4000);
  assertEquals(rig.shown, ["!V0 v1999 = 2000", "v2000 = 2000"]);
});

Deno.test("Segmenter cuts after hls_td_ratio times hls_fragment", () => {
  const rig = new Rig("hls_fragment 2; hls_td_ratio 1.5;");
  rig.headers();
  rig.key(0);
  rig.key(2800);
  rig.key(3000);
  assertEquals(rig.shown, ["!V0 V2800 = 3000"]);
});

Deno.test("Segmenter cuts without a keyframe after hls_aof_ratio times hls_fragment", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.audio(4199);
  rig.audio(4200);
  rig.video(8300);
  rig.video(8400);
  assertEquals(rig.shown, ["!V0 a4199 = 4200", "a4200 v8300 = 4200"]);
});

Deno.test("Segmenter cuts an audio-only stream", () => {
  const rig = new Rig();
  rig.audio(0, AAC_CONFIG);
  for (const timeMs of [0, 2000, 4200, 8400]) rig.audio(timeMs);
  assertEquals(rig.shown, ["!a0 a2000 = 4200", "a4200 = 4200"]);
  assertEquals(rig.segments[0]?.video, null);
});

Deno.test("Segmenter omits video, but not audio, before the first keyframe", () => {
  const rig = new Rig();
  rig.headers();
  rig.audio(0);
  rig.video(20);
  rig.key(100);
  rig.key(2100);
  assertEquals(rig.shown, ["!a0 V100 = 2100"]);
});

Deno.test("Segmenter accepts a video header after the first audio frames", () => {
  const rig = new Rig();
  rig.audio(0, AAC_CONFIG);
  rig.audio(0);
  rig.audio(500);
  rig.video(500, AVC_CONFIG);
  rig.key(500);
  rig.key(2500);
  assertEquals(rig.shown, ["!a0 a500 V500 = 2500"]);
});

Deno.test("Segmenter omits frames without a sequence header", () => {
  const rig = new Rig();
  rig.key(0);
  rig.audio(0);
  rig.breakOff();
  assertEquals(rig.shown, []);
});

Deno.test("Segmenter starts a marked segment where the video header changes", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.video(0, AVC_CONFIG); // repeated unchanged
  rig.video(960);
  rig.video(1000, OTHER_AVC);
  rig.key(1000);
  rig.key(3000);
  assertEquals(rig.shown, ["!V0 v960 = 1000", "!V1000 = 2000"]);
});

Deno.test("Segmenter delays audio with a new header to the next keyframe and marks the segment", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.audio(10);
  rig.audio(500, OTHER_AAC);
  rig.audio(510);
  rig.video(600);
  rig.key(1000);
  rig.audio(1010);
  rig.key(3000);
  assertEquals(rig.shown, ["!V0 a10 v600 = 1000", "!V1000 a1010 = 2000"]);
  assertEquals(rig.segments.map(({ audio }) => audio?.channels), [2, 1]);
});

Deno.test("Segmenter marks a segment with more or fewer tracks than the one before", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.audio(10);
  rig.key(2000);
  rig.key(4000);
  rig.audio(4010);
  rig.key(6000);
  assertEquals(rig.shown, ["!V0 a10 = 2000", "!V2000 = 2000", "!V4000 a4010 = 2000"]);
});

Deno.test("Segmenter.breakOff() ends the segment and drops headers", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.video(500);
  rig.breakOff();
  rig.key(600);
  rig.headers();
  rig.key(700);
  rig.key(2700);
  assertEquals(rig.shown, ["!V0 v500 = 540", "!V700 = 2000"]);
});

Deno.test("Segmenter.breakOff() drops a segment shorter than 100 ms", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  rig.video(59);
  rig.breakOff();
  assertEquals(rig.shown, []);
});

Deno.test("Segmenter continues across the wrap of u32 timestamps", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(2 ** 32 - 1000);
  rig.key(1000);
  rig.key(3000);
  assertEquals(rig.segments.map(({ durationMs }) => durationMs), [2000, 2000]);
  const times = rig.segments.map(({ packets }) => packets[0]!.decodeMs);
  assertEquals(times[1]! - times[0]!, 2000);
});

Deno.test("Segmenter makes times of a track rise if a publisher's do not", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(1000);
  rig.audio(1100);
  rig.audio(1050);
  rig.video(900);
  rig.key(950);
  rig.breakOff();
  assertEquals(rig.shown, ["!V1000 a1100 a1100 v1000 V1000 = 140"]);
});

Deno.test("Segmenter presents no keyframe before the frames of the previous GOP", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  const late = videoFrame(false, 1);
  late.set([0, 0, 200], 2); // composition time 200 ms
  rig.video(40, late);
  rig.key(80);
  rig.breakOff();
  assertEquals(rig.segments[0]?.packets.map(({ presentMs }) => presentMs), [0, 240, 240]);
});

Deno.test("Segmenter limits memory while time stands still", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  const large = videoFrame(false, 1, 16 * 1024 * 1024);
  for (let count = 0; count < 5; count++) rig.video(1, large);
  rig.video(300);
  rig.breakOff();
  assertEquals(rig.shown, ["!v1 v300 = 339"]);
});

Deno.test("Segmenter reports each unsupported codec once", () => {
  const rig = new Rig();
  for (let count = 0; count < 3; count++) {
    rig.video(count, hex("14 00 AB"));
    rig.audio(count, hex("B2 00"));
  }
  assertEquals(rig.omitted, ["VP6: unsupported", "Speex: unsupported"]);
});

Deno.test("Segmenter reports video whose sequence header is missing", () => {
  const rig = new Rig();
  rig.audio(0, AAC_CONFIG);
  for (let count = 0; count < 60; count++) {
    rig.video(count * 100, videoFrame(count % 20 === 0, count));
    rig.audio(count * 100);
  }
  assertEquals(rig.omitted, ["H.264: no header"]);
  assertEquals(rig.segments.map(({ video }) => video), [null]);
});

Deno.test("Segmenter omits and reports video whose sequence header is damaged", () => {
  const rig = new Rig();
  // The record ends in the first parameter set.
  rig.video(0, AVC_CONFIG.slice(0, 14));
  rig.audio(0, AAC_CONFIG);
  for (let timeMs = 0; timeMs < 5000; timeMs += 100) {
    rig.key(timeMs);
    rig.audio(timeMs);
  }
  assertEquals(rig.omitted, ["H.264: damaged header"]);
  assertEquals(rig.segments.map(({ video, durationMs }) => [video, durationMs]), [[null, 4200]]);
});

Deno.test("Segmenter ends a segment where the stream pauses, with its real length", () => {
  const rig = new Rig();
  rig.headers();
  for (const timeMs of [0, 1000, 32_000, 33_000, 34_000]) rig.key(timeMs);
  assertEquals(rig.shown, ["!V0 V1000 = 1040", "!V32000 V33000 = 2000"]);
  // The time of day of the first frame is that long ago.
  assertEquals(rig.segments.map(({ ageMs }) => ageMs), [32_000, 2000]);
});

Deno.test("Segmenter keeps frames that are further apart than the longest segment", () => {
  const rig = new Rig();
  rig.headers();
  for (const timeMs of [0, 10_000, 20_000]) rig.key(timeMs);
  assertEquals(rig.shown, ["!V0 = 4200", "!V10000 = 4200"]);
});

Deno.test("Segmenter limits frames, and reports it, while time stands still", () => {
  const rig = new Rig();
  rig.headers();
  for (let count = 0; count < 2500; count++) rig.video(1, videoFrame(count === 0, count));
  assertEquals(rig.timeStands, 1);
  rig.key(100);
  rig.key(2100);
  assertEquals(rig.segments.every(({ packets }) => packets.length <= 1000), true);
});

Deno.test("Segmenter reports a GOP that is longer than hls_fragment, once", () => {
  const rig = new Rig();
  rig.headers();
  for (const timeMs of [0, 2002, 4404, 10_404, 20_404]) {
    rig.key(timeMs);
    for (let count = 1; count < 20; count++) rig.audio(timeMs + count * 100);
  }
  assertEquals(rig.longGops, [6000]);
});

Deno.test("Segmenter reports a GOP that does not end", () => {
  const rig = new Rig();
  rig.headers();
  rig.key(0);
  for (let timeMs = 40; timeMs < 9000; timeMs += 40) rig.video(timeMs);
  assertEquals(rig.longGops, [4200]);
});

Deno.test("Segmenter tells which segments are decodable without others", () => {
  const rig = new Rig();
  rig.headers();
  rig.audio(0);
  rig.key(10);
  for (let timeMs = 50; timeMs < 8500; timeMs += 40) rig.video(timeMs);
  rig.breakOff();
  rig.audio(9000, AAC_CONFIG);
  rig.audio(9000);
  rig.audio(13_200);
  assertEquals(rig.segments.map(({ isIndependent }) => isIndependent), [true, false, false, true]);
});

Deno.test("Segmenter reports video without a keyframe", () => {
  const rig = new Rig();
  rig.headers();
  for (let count = 0; count < 400; count++) {
    rig.video(count * 40);
    rig.audio(count * 40);
  }
  assertEquals(rig.omitted, ["H.264: no keyframe"]);
  assertEquals(rig.segments.every(({ video }) => video === null), true);
});

Deno.test("Parts last up to 0.4 s, and the first one has all tracks", () => {
  const rig = new Rig("hls_fragment 2; hls_ll on;");
  rig.headers();
  rig.audio(0);
  for (let timeMs = 10; timeMs < 2100; timeMs += 40) {
    if ((timeMs - 10) % 2000 === 0) rig.key(timeMs);
    else rig.video(timeMs);
    rig.audio(timeMs + 5);
  }
  assertEquals(
    rig.parts.map(({ video, audio, durationMs, isFirst, isIndependent }) => [
      ...[video !== null, audio !== null, durationMs, isFirst, isIndependent] as const,
    ]),
    [
      [true, true, 400, true, true],
      [true, true, 400, false, false],
      [true, true, 400, false, false],
      [true, true, 400, false, false],
      [true, true, 400, false, false],
    ],
  );
  // The audio frame before the video is left out.
  assertEquals(rig.segments.map(({ durationMs }) => durationMs), [2000]);
});

Deno.test("A segment in parts ends where video begins late", () => {
  const rig = new Rig("hls_fragment 2; hls_ll on;");
  rig.headers();
  for (let timeMs = 0; timeMs < 1000; timeMs += 20) rig.audio(timeMs);
  for (let timeMs = 1000; timeMs <= 3000; timeMs += 40) {
    if ((timeMs - 1000) % 2000 === 0) rig.key(timeMs);
    else rig.video(timeMs);
  }
  assertEquals(rig.segments.map(({ video, audio }) => [video !== null, audio !== null]), [
    [false, true],
    [true, false],
  ]);
  assertEquals(rig.parts.filter(({ isFirst }) => isFirst).length, 2);
});
