import { silentLogger } from "../../lib/base/log.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { streamNames } from "../../lib/hls/file_names.ts";
import { HlsArchive } from "../../lib/hls/hls_archive.ts";
import { MasterPlaylists } from "../../lib/hls/master_playlists.ts";
import { RenditionReports } from "../../lib/hls/rendition_reports.ts";
import type { Segment } from "../../lib/hls/segmenter.ts";
import { audioTrack } from "../../lib/hls/track.ts";
import { assertEquals } from "../helpers/assert.ts";
import { audioCodec } from "../helpers/codecs.ts";
import { hex } from "../helpers/hex.ts";
import { MemoryFiles } from "./rig.ts";

/** Time of day. */
const WALL_MS = 1_700_000_000_000;

/** An archive whose muxer never makes the same init segment twice. */
function createArchive(
  files: MemoryFiles,
  directives: string,
  change: Partial<ConstructorParameters<typeof HlsArchive>[0]> = {},
): HlsArchive {
  const text = `listen 1; vhost v { hls { hls_path html; ${directives} } }`;
  const { config } = parseConfig(text, "x.conf", { readFile: () => undefined });
  let count = 0;
  return new HlsArchive({
    names: streamNames("v", "live/show")!,
    config: config.vhosts.get("v")!.hls,
    files,
    masterEntries: [],
    masters: new MasterPlaylists(files),
    reports: new RenditionReports(),
    logger: silentLogger,
    mux: () => Promise.resolve({ media: hex("00"), init: new Uint8Array([count++]) }),
    wallMs: () => WALL_MS,
    onSegment: () => {},
    ...change,
  });
}

function segment(opusHead: string): Segment {
  const audio = audioTrack(audioCodec("Opus"), hex(opusHead));
  const [durationMs, isDiscontinuity, isIndependent] = [2000, false, true];
  const times = { durationMs, ageMs: durationMs };
  return { video: null, audio, packets: [], ...times, isDiscontinuity, isIndependent };
}

const STEREO = "4F70757348656164 01 02 3801 80BB0000 0000 00";
const MONO = "4F70757348656164 01 01 3801 80BB0000 0000 00";

Deno.test("HlsArchive writes an init segment when tracks change and removes it with its last segment", async () => {
  const files = new MemoryFiles();
  const archive = createArchive(files, "hls_fragment 2; hls_window 6;");
  for (const head of [STEREO, STEREO, STEREO, MONO]) await archive.add(segment(head), WALL_MS);
  const inits = () => files.paths.filter((path) => path.endsWith(".mp4"));
  const [first, second] = [0, 3].map((number) =>
    `html/live/show-${1_700_000_000 + number}-init.mp4`
  );
  assertEquals(inits(), [first, second]);
  for (let count = 0; count < 5; count++) await archive.add(segment(MONO), WALL_MS);
  assertEquals(inits(), [second]);
});

Deno.test("HlsArchive prefixes URIs with hls_entry_prefix and still finds the files", async () => {
  const files = new MemoryFiles();
  const directives = "hls_fragment 2; hls_window 6; hls_entry_prefix https://cdn/live/;";
  const archive = createArchive(files, directives);
  for (let count = 0; count < 6; count++) await archive.add(segment(STEREO), WALL_MS);
  assertEquals(
    files.text("html/live/show.m3u8").split("\n").filter((line) => line.includes("cdn")),
    [
      '#EXT-X-MAP:URI="https://cdn/live/show-1700000000-init.mp4"',
      "https://cdn/live/show-1700000003.m4s",
      "https://cdn/live/show-1700000004.m4s",
      "https://cdn/live/show-1700000005.m4s",
    ],
  );
  await archive.close();
  assertEquals(files.paths, [
    "html/live/show-1700000000-init.mp4",
    "html/live/show-1700000003.m4s",
    "html/live/show-1700000004.m4s",
    "html/live/show-1700000005.m4s",
    "html/live/show.m3u8",
  ]);
  await archive.dispose();
  assertEquals(files.paths, []);
});

Deno.test("HlsArchive fills the placeholders of hls_ts_file", async () => {
  const files = new MemoryFiles();
  const archive = createArchive(
    files,
    "hls_ts_file [vhost]/[app]/[stream]/[2006]/[seq]-[duration].ts;",
  );
  await archive.add(segment(STEREO), WALL_MS);
  assertEquals(files.paths[0], "html/live/show.m3u8");
  assertEquals(files.paths.at(-1), "html/v/live/show/2023/1700000000-2000.m4s");
  assertEquals(
    files.text("html/live/show.m3u8").includes("../v/live/show/2023/1700000000-2000.m4s"),
    true,
  );
});

Deno.test("HlsArchive logs once that segments cannot be muxed, and marks the gap", async () => {
  const lines: string[] = [];
  let fault: Error | null = null;
  const files = new MemoryFiles();
  const archive = createArchive(files, "hls_fragment 2; hls_window 60;", {
    logger: {
      ...silentLogger,
      warning: (line) => lines.push(line),
      info: (line) => lines.push(line),
    },
    mux: () =>
      fault ? Promise.reject(fault) : Promise.resolve({ media: hex("00"), init: hex("01") }),
  });
  await archive.add(segment(STEREO), WALL_MS);
  fault = new Error("no such box");
  await archive.add(segment(STEREO), WALL_MS);
  await archive.add(segment(STEREO), WALL_MS);
  fault = null;
  await archive.add(segment(STEREO), WALL_MS);
  assertEquals(lines, [
    "HLS segment dropped: muxing failed: no such box",
    "HLS writing resumed",
  ]);
  assertEquals(files.text("html/live/show.m3u8").match(/#EXT-X-DISCONTINUITY\n/g)?.length, 1);
});

Deno.test("HlsArchive does not claim that writing resumed when it is closed", async () => {
  const lines: string[] = [];
  const files = new MemoryFiles();
  files.fault = new Error("Read-only file system (os error 30)");
  const archive = createArchive(files, "hls_fragment 2;", {
    logger: {
      ...silentLogger,
      warning: (line) => lines.push(line),
      info: (line) => lines.push(line),
    },
  });
  await archive.add(segment(STEREO), WALL_MS);
  await archive.close();
  assertEquals(lines, ["HLS write failed: Read-only file system (os error 30)"]);
});
