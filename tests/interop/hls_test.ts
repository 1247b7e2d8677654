/**
 * Real encoders and a real HLS player: every published frame is in the segments, unchanged and at
 * its time, and none is missing where one segment ends and the next begins.
 */

import {
  ALL_FORMATS,
  BufferSource,
  EncodedPacketSink,
  Input,
  type InputTrack,
  type InputVideoTrack,
} from "mediabunny";
import { diskFiles } from "../../lib/hls/hls_files.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { HlsRig, type MemoryFiles } from "../hls/rig.ts";

const TIMEOUT_MS = 60_000;

const granted = await needs("net", "read", "write", "run", "env");
const ignore = granted.ignore || !await hasProgram("ffmpeg");

/** Whole units of H.264 except those that containers write differently: SPS, PPS, delimiters. */
const SAME_UNITS = "filter_units=remove_types=7-9";

/** FLV to a server, which cannot be rewound to fill in a duration. */
const TO_FLV = ["-f", "flv", "-flvflags", "no_duration_filesize"] as const;

/** A packet of ffmpeg's `framemd5`. */
interface Frame {
  readonly track: number;
  readonly decodeMs: number;
  readonly presentMs: number;
  readonly md5: string;
}

function inFolder(name: string, act: (folder: string) => Promise<void>): void {
  Deno.test({
    ignore,
    name,
    async fn() {
      const folder = await Deno.makeTempDir({ prefix: "edge-hls-" });
      try {
        await act(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Runs ffmpeg and returns its output; any warning fails the test. */
async function ffmpeg(...args: readonly string[]): Promise<string[]> {
  const command = ["ffmpeg", "-nostdin", "-y", "-v", "warning", ...args] as const;
  await using process = startProcess({ name: "ffmpeg", command });
  await process.waitForSuccess(TIMEOUT_MS);
  assertEquals(process.stderr, []);
  return process.stdout;
}

/** Makes an FLV file of `seconds` with a keyframe every second. */
async function createSource(
  path: string,
  seconds: number,
  audio: readonly string[],
): Promise<void> {
  await ffmpeg(
    ...["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30"],
    ...["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100", "-t", String(seconds)],
    ...["-c:v", "libx264", "-preset", "veryfast", "-b:v", "600k", "-pix_fmt", "yuv420p"],
    ...["-bf", "2", "-g", "30", "-keyint_min", "30", "-sc_threshold", "0"],
    ...[...audio, "-flvflags", "no_duration_filesize", path],
  );
}

async function readFrames(input: readonly string[], filters: readonly string[]): Promise<Frame[]> {
  const lines = await ffmpeg("-copyts", ...input, "-c", "copy", ...filters, "-f", "framemd5", "-");
  const ticks = [0, 1].map((track) => {
    const base = lines.find((line) => line.startsWith(`#tb ${track}: `))?.match(/(\d+)\/(\d+)$/);
    return base ? Number(base[1]) / Number(base[2]) * 1000 : NaN;
  });
  return lines.filter((line) => !line.startsWith("#")).map((line) => {
    const [track, decode, present, , , md5] = line.split(/,\s*/);
    const tickMs = ticks[Number(track)]!;
    return {
      track: Number(track),
      decodeMs: Number(decode) * tickMs,
      presentMs: Number(present) * tickMs,
      md5: md5!,
    };
  });
}

/** Reads everything that the playlist names, as a player does after the stream has ended. */
async function readPlaylist(path: string, filters: readonly string[]): Promise<Frame[]> {
  const whole = path.replace(/\.m3u8$/, "-whole.m3u8");
  await Deno.writeTextFile(whole, `${await Deno.readTextFile(path)}#EXT-X-ENDLIST\n`);
  return await readFrames(["-allowed_extensions", "ALL", "-i", whole], filters);
}

/** Checks for the same frames in the same order, per track, all shifted by the same time. */
function assertSameFrames(got: readonly Frame[], wanted: readonly Frame[]): void {
  const offsets: number[] = [];
  for (const track of [0, 1]) {
    const [ours, theirs] = [got, wanted].map((frames) =>
      frames.filter((frame) => frame.track === track)
    );
    assertEquals(ours!.map(({ md5 }) => md5), theirs!.map(({ md5 }) => md5), `track ${track}`);
    ours!.forEach((frame, index) => {
      offsets.push(frame.decodeMs - theirs![index]!.decodeMs);
      offsets.push(frame.presentMs - theirs![index]!.presentMs);
    });
  }
  assert(offsets.length > 0);
  const spreadMs = Math.max(...offsets) - Math.min(...offsets);
  assert(spreadMs < 1.5, `times differ by ${spreadMs} ms`);
}

function hlsVhost(folder: string, directives: string): string {
  return `vhost __defaultVhost__ { hls { enabled on; hls_path ${folder}/html; ${directives} } }`;
}

const AUDIO_CODECS = [
  { name: "AAC", encoder: "aac", filters: ["-bsf:a", "aac_adtstoasc"] },
  { name: "MP3", encoder: "libmp3lame", filters: [] },
] as const;

for (const { name, encoder, filters } of AUDIO_CODECS) {
  inFolder(
    `ffmpeg gets all of H.264 with B-frames and ${name} from the playlist`,
    async (folder) => {
      const source = `${folder}/source.flv`;
      await createSource(source, 9, ["-c:a", encoder]);
      {
        await using server = startLocalServer(hlsVhost(folder, "hls_fragment 2;"));
        const url = `rtmp://127.0.0.1:${server.port}/live/show`;
        await ffmpeg("-readrate", "4", "-i", source, "-c", "copy", ...TO_FLV, url);
        await server.untilCounts({ publishers: 0 });
      }
      const path = `${folder}/html/live/show.m3u8`;
      assertEquals((await Deno.readTextFile(path)).match(/#EXTINF:2\.000/g)?.length, 4);
      const ours = await readPlaylist(path, ["-bsf:v", SAME_UNITS, ...filters]);
      const wanted = await readFrames(
        ["-i", source],
        ["-bsf:v", `h264_mp4toannexb,${SAME_UNITS}`],
      );
      assertSameFrames(ours, wanted);
    },
  );
}

inFolder(
  "ffmpeg follows the playlist live over HTTP while segments come and go",
  async (folder) => {
    const source = `${folder}/source.flv`;
    await createSource(source, 14, ["-c:a", "aac"]);
    await using server = startLocalServer(hlsVhost(folder, "hls_fragment 1; hls_window 4;"));
    await using http = serveFolder(`${folder}/html`);
    const url = `rtmp://127.0.0.1:${server.port}/live/show`;
    await using publisher = startProcess({
      name: "publisher",
      command: ["ffmpeg", "-nostdin", "-re", "-i", source, "-c", "copy", ...TO_FLV, url],
    });
    const playlist = `${folder}/html/live/show.m3u8`;
    await publisher.waitFor(
      "the playlist",
      async () => await diskFiles.read(playlist) ?? undefined,
      10_000,
    );
    const ours = await readFrames(
      ["-i", `http://127.0.0.1:${http.addr.port}/live/show.m3u8`, "-t", "7"],
      ["-bsf:v", SAME_UNITS, "-bsf:a", "aac_adtstoasc"],
    );
    const wanted = await readFrames(["-i", source], ["-bsf:v", `h264_mp4toannexb,${SAME_UNITS}`]);
    for (const track of [0, 1]) {
      const [part, all] = [ours, wanted].map((frames) =>
        frames.filter((frame) => frame.track === track).map(({ md5 }) => md5)
      );
      assert(part!.length > 100, `only ${part!.length} frames`);
      assertEquals(part, all!.slice(0, part!.length));
    }
  },
);

function serveFolder(folder: string): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    try {
      return new Response(await Deno.readFile(folder + new URL(request.url).pathname));
    } catch {
      return new Response(null, { status: 404 });
    }
  });
}

inFolder("ffmpeg gets all of HEVC with AAC from CMAF segments", async (folder) => {
  const source = `${folder}/source.mp4`;
  await ffmpeg(
    ...[
      "-f",
      "lavfi",
      "-i",
      "testsrc2=size=320x180:rate=25",
      "-f",
      "lavfi",
      "-i",
      "sine",
      "-t",
      "6",
    ],
    ...["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-tag:v", "hvc1"],
    ...["-x265-params", "log-level=none:bframes=0:keyint=25:min-keyint=25:scenecut=0"],
    ...["-c:a", "aac", source],
  );
  const rig = new HlsRig("hls_fragment 2;");
  const publisher = rig.hub.open("live/show").publish()!;
  for (const { typeId, timeMs, payload } of await readAsRtmp(source)) {
    publisher.push(typeId, timeMs, payload, timeMs);
  }
  publisher.end("unpublished");
  await rig.close();
  assertEquals(rig.lines, []);
  const ours = await readPlaylist(await save(rig.files, folder), []);
  assertSameFrames(ours, await readFrames(["-i", source], []));
});

/** Saves the files to disk. @returns the path of the playlist */
async function save({ contents }: MemoryFiles, folder: string): Promise<string> {
  for (const [path, content] of contents) await diskFiles.write(`${folder}/${path}`, content);
  return `${folder}/html/live/show.m3u8`;
}

interface RtmpMessage {
  readonly typeId: number;
  readonly timeMs: number;
  readonly payload: Uint8Array;
}

/** Reads an MP4 file with HEVC and AAC as Enhanced RTMP messages, ordered by time. */
async function readAsRtmp(path: string): Promise<RtmpMessage[]> {
  const source = new BufferSource(await Deno.readFile(path));
  using input = new Input({ source, formats: ALL_FORMATS });
  const video = (await input.getPrimaryVideoTrack())!;
  const audio = (await input.getPrimaryAudioTrack())!;
  const headers = [
    { typeId: 9, timeMs: 0, payload: withHead([0x90, ...HVC1], await descriptionOf(video)) },
    { typeId: 8, timeMs: 0, payload: withHead([0xaf, 0], await descriptionOf(audio)) },
  ];
  const packets = [
    ...await readPackets(video, 9, (isKey) => [isKey ? 0x93 : 0xa3, ...HVC1]),
    ...await readPackets(audio, 8, () => [0xaf, 1]),
  ];
  return [...headers, ...packets.sort((one, other) => one.timeMs - other.timeMs)];
}

/** `hvc1` */
const HVC1 = [0x68, 0x76, 0x63, 0x31];

async function descriptionOf(
  track: InputVideoTrack | NonNullable<Awaited<ReturnType<Input["getPrimaryAudioTrack"]>>>,
): Promise<Uint8Array> {
  const description = (await track.getDecoderConfig())!.description!;
  return ArrayBuffer.isView(description)
    ? new Uint8Array(description.buffer, description.byteOffset, description.byteLength)
    : new Uint8Array(description as ArrayBuffer);
}

/** Audio encoders start before 0. */
const ROOM_MS = 1000;

async function readPackets(
  track: InputTrack,
  typeId: number,
  head: (isKey: boolean) => readonly number[],
): Promise<RtmpMessage[]> {
  const messages: RtmpMessage[] = [];
  for await (const packet of new EncodedPacketSink(track).packets()) {
    const timeMs = Math.round(packet.timestamp * 1000) + ROOM_MS;
    messages.push({ typeId, timeMs, payload: withHead(head(packet.type === "key"), packet.data) });
  }
  return messages;
}

function withHead(head: readonly number[], body: Uint8Array): Uint8Array {
  const payload = new Uint8Array(head.length + body.length);
  payload.set(head);
  payload.set(body, head.length);
  return payload;
}

inFolder("ffmpeg gets all of AV1 with Opus from CMAF segments", async (folder) => {
  const rig = new HlsRig("hls_fragment 2;");
  const publisher = rig.hub.open("live/show").publish()!;
  const { tags } = readFlv(AV1_OPUS_FLV);
  for (const { typeId, timestampMs, payload } of tags) {
    publisher.push(typeId, timestampMs, payload, timestampMs);
  }
  publisher.end("unpublished");
  await rig.close();
  const frames = await readPlaylist(await save(rig.files, folder), []);
  for (const [track, typeId] of [[0, 9], [1, 8]] as const) {
    // Coded frames only: packet type 1, after the flags in the first byte.
    const sent = tags.filter((tag) => tag.typeId === typeId && (tag.payload[0]! & 15) === 1);
    assertEquals(frames.filter((frame) => frame.track === track).length, sent.length);
  }
});
