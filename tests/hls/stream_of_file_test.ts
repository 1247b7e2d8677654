import type { HlsConfig } from "../../lib/config/config.ts";
import { fillSegment, fillStream, streamNames } from "../../lib/hls/file_names.ts";
import { streamOfFile } from "../../lib/hls/stream_of_file.ts";
import { assertEquals } from "../helpers/assert.ts";

const DEFAULT = { playlistFile: "[app]/[stream].m3u8", segmentFile: "[app]/[stream]-[seq].ts" };

type Templates = Pick<HlsConfig, "playlistFile" | "segmentFile">;

function find(path: string, templates: Templates = DEFAULT): string | null | undefined {
  return streamOfFile("live.example", templates as HlsConfig, path)?.stream;
}

const CASES: readonly (readonly [path: string, stream: string | null | undefined])[] = [
  ["live/show.m3u8", "live/show"],
  ["live/room/show.m3u8", "live/room/show"],
  ["live/show-7.ts", "live/show"],
  ["live/show-7.m4s", "live/show"],
  ["live/show-7-init.mp4", "live/show"],
  ["live/show-7.ts.tmp", "live/show"],
  ["live/show.m3u8.tmp", "live/show"],
  ["live/show.master.m3u8", "live/show"],
  ["live/show-1-7.ts", "live/show-1"],
  // As `streamNames` writes "a b", "a/b" and "a.b".
  ["live/a%20b.m3u8", "live/a b"],
  ["v1%2E0/show.m3u8", "v1.0/show"],
  // No stream is called so.
  ["live/a%2.m3u8", null],
  ["live/%61.m3u8", null],
  ["live/show.ts", undefined],
  ["live/show-x.ts", undefined],
  ["live/show-7.ts.bak", undefined],
  ["show.m3u8", undefined],
  ["", undefined],
];

for (const [path, stream] of CASES) {
  Deno.test(`streamOfFile() is ${stream} for ${path || "an empty path"}`, () => {
    assertEquals(find(path), stream);
  });
}

Deno.test("streamOfFile() reads the placeholders of times", () => {
  const templates = {
    playlistFile: "./[vhost]/[app]/[stream].m3u8",
    segmentFile: "./[vhost]/[app]/[2006]/[01]/[02]/[stream]-[15].[04].[05].[999]-[duration].ts",
  };
  const path = "live.example/live/2026/11/29/show-13.30.59.001-4000.ts";
  assertEquals(find(path, templates), "live/show");
  assertEquals(find(path.replace("live.example", "other.example"), templates), undefined);
  assertEquals(find(path.replace(".", "x"), templates), undefined);
});

Deno.test("streamOfFile() tells no stream when the path could be that of several", () => {
  const segments = (segmentFile: string) => ({ ...DEFAULT, segmentFile });
  assertEquals(find("live/show17.ts", segments("[app]/[stream][seq].ts")), null);
  assertEquals(find("a-b-c-7.ts", segments("[app]-[stream]-[seq].ts")), null);
  assertEquals(find("a-b-7.ts", segments("[app]-[stream]-[seq].ts")), "a/b");
  // Without [app] no path tells the stream.
  assertEquals(find("show-7.ts", segments("[stream]-[seq].ts")), null);
});

Deno.test("streamOfFile() wants the same text for a placeholder that is repeated", () => {
  const templates = { ...DEFAULT, segmentFile: "[app]/[stream]/[stream]-[seq].ts" };
  assertEquals(find("live/show/show-7.ts", templates), "live/show");
  assertEquals(find("live/show/other-7.ts", templates), undefined);
});

Deno.test("streamOfFile() finds the stream of every file that is written", () => {
  for (const name of ["live/show", "a/b/c", "live/x-1", "live/ä ö?#%.ts", "live/.x", "a.b/[seq]"]) {
    const names = streamNames("live.example", name)!;
    assertEquals(find(fillStream(DEFAULT.playlistFile, names)), name);
    const template = fillStream(DEFAULT.segmentFile, names);
    const segment = fillSegment(template, { sequence: 12, durationMs: 4_000, wallMs: 0 });
    assertEquals(find(segment), name);
  }
});
