/** Fuzz targets for what publishers send once they are accepted: media, and its times. */

import { addU32, diffU32 } from "../../lib/base/u32.ts";
import { FlvStream } from "../../lib/http/flv_stream.ts";
import { Stream } from "../../lib/hub/stream.ts";
import { Timeline, type Track } from "../../lib/hub/timeline.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { readAudio, readVideo } from "../../lib/media/flv_content.ts";
import { describeAudio, describeVideo } from "../../lib/monitor/stream_codecs.ts";
import { splitMessages } from "../../lib/rtmp/encoded_messages.ts";
import { assert } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { AAC_HEADER, audioFrame, AVC_HEADER, interFrame, keyframe } from "../helpers/media.ts";
import { CLEAR_METADATA, SET_METADATA } from "../helpers/media.ts";
import { SeededRandom } from "./random.ts";

const CHUNK_SIZE = 60_000;
const TYPES = [8, 9, 18] as const;

const REMUX = {
  enabled: true,
  mount: "/[app]/[stream].flv",
  format: "flv" as const,
  hasAudio: true,
  hasVideo: true,
  guessTracks: true,
  dropIfNotMatch: true,
};
const FLV_VHOST = { config: { httpRemux: REMUX, play: { queueLengthMs: 10_000 } } };

/** Messages of the media target: type index, time step in units of 100 ms, length, payload. */
function record(...messages: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  return Uint8Array.from(messages.flatMap(([typeId, payload]) => [
    TYPES.findIndex((type) => type === typeId),
    3,
    payload.length,
    ...payload,
  ]));
}

const HEVC_HEADER = hex(`
  90 68766331 01 01 60000000 900000000000 5d f000 fc fd f8 f8 00000f 00
`);
const MULTITRACK = hex("96 01 61766331 01 17 27 0164001f");

/** Valid recordings of the media target. */
export const MEDIA_SEEDS: readonly Uint8Array[] = [
  record(
    [18, SET_METADATA],
    [9, AVC_HEADER],
    [8, AAC_HEADER],
    ...Array.from(
      { length: 40 },
      (_, i) => [9, i % 10 === 0 ? keyframe(i) : interFrame(i)] as const,
    ),
    [8, audioFrame(1)],
    [9, keyframe(41)],
    [18, CLEAR_METADATA],
  ),
  record([9, HEVC_HEADER], [9, hex("91 68766331 000000 26")], [8, hex("90 4f707573 4f707573")]),
  record([9, MULTITRACK], [8, hex("95 01 6d703461 01 00 1210")], [9, hex("94 68766331 02 00")]),
  record([9, hex("90 61763031 81 05 0c 00")], [9, hex("90 76703039 01 000000 00 0a 82")]),
  record([8, hex("90 664c6143 664c6143 80 000022")], [8, hex("2f ff fb 90 64")], [9, hex("57 00")]),
];

/** Feeds a stream, its HTTP log and what the API reads, and reads back what players get. */
export function runMedia(input: Uint8Array): string {
  const stream = new Stream("live/show", {
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 10_000,
    maxBytes: 1024 * 1024,
    maxMessages: 2_500,
    keepBackMs: 3_500,
  }, () => {});
  const handle = stream.publish()!;
  const flv = new FlvStream(stream, FLV_VHOST, CHUNK_SIZE);
  const newest = new Map<number, number>();
  let arrivalMs = 0;
  for (let at = 0; at + 3 <= input.length;) {
    const typeId = TYPES[input[at]! % TYPES.length]!;
    arrivalMs += input[at + 1]! * 100;
    const payload = input.subarray(at + 3, at + 3 + input[at + 2]!);
    at += 3 + payload.length;
    const streamMs = handle.push(typeId, arrivalMs, payload, arrivalMs);
    if (typeId === 18) continue;
    const before = newest.get(typeId) ?? streamMs;
    assert(
      diffU32(streamMs, before) >= 0,
      `type ${typeId} went back from ${before} to ${streamMs}`,
    );
    newest.set(typeId, streamMs);
    readContent(typeId, payload);
  }
  flv.catchUp();
  return `ok ${describe(stream)} ${describeFlv(flv)}`;
}

/** Reads codec configurations as HLS and the API do. */
function readContent(typeId: number, payload: Uint8Array): void {
  if (typeId === 9) {
    const content = readVideo(payload);
    content?.codec?.readProfile(content.body);
    return;
  }
  const content = readAudio(payload);
  content?.codec?.readProfile(content.body);
  content?.codec?.readFormat(content.body);
}

function describe(stream: Stream): string {
  const { log, headers, joinPoint } = stream;
  const types = new Set<number>();
  for (let at = log.tail; at < log.head;) {
    const view = log.view(at);
    for (const { typeId } of splitMessages(view, CHUNK_SIZE)) types.add(typeId);
    splitMessages(stream.singleTrack.of(view), CHUNK_SIZE);
    at += view.length;
  }
  if (joinPoint !== null) splitMessages(stream.preamble(joinPoint), CHUNK_SIZE);
  const codecs = [describeVideo(headers)?.codec, describeAudio(headers)?.codec];
  return [...types, ...codecs, stream.trackState("audio"), stream.trackState("video")].join();
}

/** Reads the FLV log as a viewer does that joins now. */
function describeFlv(flv: FlvStream): string {
  const { joinPoint } = flv;
  if (joinPoint === null) return "no join point";
  const parts = [flv.fileHeader(), flv.preamble(joinPoint)];
  for (let at = joinPoint.offset; at < flv.log.head; at += parts.at(-1)!.length) {
    parts.push(flv.log.view(at));
  }
  const bytes = parts.flatMap((part) => [...withoutChunks(part)]);
  const { tags } = readFlv(Uint8Array.from(bytes));
  return `flags ${bytes[4]} ${tags.length > 0}`;
}

/** Removes the frames of a chunked body (RFC 9112 §7.1). */
function withoutChunks(bytes: Uint8Array): Uint8Array {
  const content: number[] = [];
  for (let at = 0; at < bytes.length;) {
    let end = at;
    while (bytes[end] !== 13) end++;
    const length = parseInt(String.fromCharCode(...bytes.subarray(at, end)), 16);
    content.push(...bytes.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
  return Uint8Array.from(content);
}

const FRAME_MS = 40;
const WINDOW_MS = 5_000;
const HONEST_MS = 15_000;

/** Clocks of the timeline target: start (u32), audio offset, jitter, seed, then arbitrary steps. */
export const TIMELINE_SEEDS: readonly Uint8Array[] = [
  hex("00000000 00 00 01"),
  hex("ffffe000 80 10 02 00 00000000 01 00000fa0 02 ffffffff 81 00000028"),
  hex("fffffff0 ff 40 03 00 00000028 00 00000050 03 7fffffff 00 80000000 40 00000000"),
  hex("05265c00 20 7f 04 00 00010000 10 00000000 01 00000000 f0 00010028 00 00010050"),
];

/** Checks an honest source that the input describes, then feeds arbitrary messages. */
export function runTimeline(input: Uint8Array): string {
  const [startMs, shiftMs, jitterMs, seed] = [
    readU32At(input, 0),
    Math.round(((input[4] ?? 0) - 128) * 23), // within ± 3 s
    (input[5] ?? 0) % 128,
    input[6] ?? 0,
  ];
  const kinds = new Set<string>();
  const timeline = new Timeline({
    isAbsolute: false,
    onClockChange: ({ track, kind, byMs }) => kinds.add(`${track} ${kind} ${byMs < 0}`),
  });
  checkHonest(timeline, { startMs, shiftMs, jitterMs, random: new SeededRandom(seed) });
  assert(kinds.size === 0, `an honest clock was corrected: ${[...kinds]}`);
  if (seed % 2 === 1) timeline.beginSource();
  feedAnything(timeline, input.subarray(7));
  return `ok ${[...kinds].sort()}`;
}

interface HonestSource {
  readonly startMs: number;
  readonly shiftMs: number;
  readonly jitterMs: number;
  readonly random: SeededRandom;
}

/** Both tracks advance with the wall; messages arrive up to `jitterMs` late. */
function checkHonest(timeline: Timeline, source: HonestSource): void {
  const { startMs, shiftMs, jitterMs, random } = source;
  const times: Record<Track, number[]> = { audio: [], video: [] };
  let arrivalMs = 0;
  for (let wallMs = 0; wallMs < HONEST_MS; wallMs += FRAME_MS) {
    arrivalMs = Math.max(arrivalMs, wallMs + random.below(jitterMs + 1));
    const sourceMs = addU32(startMs, wallMs);
    times.video.push(timeline.map("video", sourceMs, arrivalMs));
    times.audio.push(timeline.map("audio", addU32(sourceMs, shiftMs), arrivalMs));
  }
  const perWindow = WINDOW_MS / FRAME_MS;
  for (const track of [times.audio, times.video]) {
    for (let i = perWindow; i < track.length; i++) {
      assert(diffU32(track[i]!, track[i - 1]!) >= 0, `back to ${track[i]}`);
      const passedMs = diffU32(track[i]!, track[i - perWindow]!);
      assert(Math.abs(passedMs - WINDOW_MS) <= 1_000, `${passedMs} ms in 5 s`);
    }
  }
  const apartMs = diffU32(times.audio.at(-1)!, times.video.at(-1)!);
  assert(apartMs === shiftMs, `audio is ${apartMs} ms ahead, not ${shiftMs}`);
}

/** Messages of five bytes: track and wall step, then the source's time. */
function feedAnything(timeline: Timeline, script: Uint8Array): void {
  const newest: Partial<Record<Track, number>> = {};
  let arrivalMs = HONEST_MS;
  for (let at = 0; at + 5 <= script.length; at += 5) {
    const track = (script[at]! & 1) === 0 ? "video" : "audio";
    arrivalMs += (script[at]! >>> 1) * 10;
    const sourceMs = readU32At(script, at + 1);
    timeline.follows(track, sourceMs, arrivalMs);
    const streamMs = timeline.map(track, sourceMs, arrivalMs);
    assert(Number.isInteger(streamMs) && streamMs >= 0 && streamMs < 2 ** 32, `${streamMs}`);
    const before = newest[track] ?? streamMs;
    assert(diffU32(streamMs, before) >= 0, `${track} went back from ${before} to ${streamMs}`);
    newest[track] = streamMs;
  }
}

function readU32At(bytes: Uint8Array, at: number): number {
  const word = new Uint8Array(4);
  word.set(bytes.subarray(at, at + 4));
  return new DataView(word.buffer).getUint32(0);
}
