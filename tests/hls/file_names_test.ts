import {
  filePathsOf,
  fillSegment,
  fillStream,
  pathOfUri,
  relativeUri,
  streamNames,
  withExtension,
} from "../../lib/hls/file_names.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const TEMPLATE = "[vhost]/[app]/[stream].m3u8";

/** Stream names as peers may choose them, with the path of the playlist; null for none. */
const NAMES: readonly (readonly [string, string | null])[] = [
  ["live/show", "v/live/show.m3u8"],
  ["live/room/show", "v/live/room/show.m3u8"],
  ["live/show-1.b_c~d@e", "v/live/show-1.b_c~d@e.m3u8"],
  ["live/Übertragung", "v/live/Übertragung.m3u8"],
  ["live/直播", "v/live/直播.m3u8"],
  ["live/a b", "v/live/a%20b.m3u8"],
  ["live/..", "v/live/%2E..m3u8"],
  ["live/.hidden", "v/live/%2Ehidden.m3u8"],
  ["../show", "v/%2E%2E/show.m3u8"],
  ["../../etc/passwd", "v/%2E%2E/%2E%2E/etc/passwd.m3u8"],
  ["live/..\\..\\x", "v/live/%2E.%5C..%5Cx.m3u8"],
  ["live/a\0b", "v/live/a%00b.m3u8"],
  ["live/a\nb", "v/live/a%0Ab.m3u8"],
  ['live/a"b', "v/live/a%22b.m3u8"],
  ["live/%2E%2E", "v/live/%252E%252E.m3u8"],
  ["live/[seq]", "v/live/%5Bseq%5D.m3u8"],
  // A folder must not have the name of another stream's file.
  ["live/show.m3u8/x", "v/live/show%2Em3u8/x.m3u8"],
  ["live//show", null],
  ["/show", null],
  ["live/", null],
  ["show", null],
  [`live/${"x".repeat(161)}`, null],
  [`live/${"直".repeat(54)}`, null],
];

for (const [name, path] of NAMES) {
  Deno.test(`streamNames() of ${JSON.stringify(name).slice(0, 40)}`, () => {
    const names = streamNames("v", name);
    assertEquals(names && fillStream(TEMPLATE, names), path);
  });
}

Deno.test("streamNames() accepts a name of 160 bytes", () => {
  assert(streamNames("v", `live/${"x".repeat(160)}`) !== null);
});

Deno.test("streamNames() keeps different names apart", () => {
  const names = ["a/b", "a/B", "a/%62", "a/.b", "a/%2Eb", "a/b ", "a/b%20", "a.x/b", "a%2Ex/b"];
  const paths = names.map((name) => fillStream(TEMPLATE, streamNames("v", name)!));
  assertEquals(new Set(paths).size, names.length);
});

Deno.test("fillStream() accepts a template that starts with ./", () => {
  const names = streamNames("v", "live/show")!;
  assertEquals(fillStream("./[app]/[stream].m3u8", names), "live/show.m3u8");
});

Deno.test("fillSegment() fills SRS's placeholders and keeps others", () => {
  const template = "[seq] [duration] [timestamp] [2006]-[01]-[02]T[15]:[04]:[05].[999] [other].ts";
  const wallMs = Date.UTC(2031, 1, 3, 4, 5, 6, 78);
  assertEquals(
    fillSegment(template, { sequence: 17, durationMs: 2000.4, wallMs }),
    `17 2000 ${wallMs} 2031-02-03T04:05:06.078 [other].ts`,
  );
});

Deno.test("withExtension() replaces the last extension only", () => {
  assertEquals(withExtension("live.x/show.1-7.ts", ".m4s"), "live.x/show.1-7.m4s");
});

const URIS: readonly (readonly [playlist: string, path: string, uri: string])[] = [
  ["live/show.m3u8", "live/show-7.ts", "show-7.ts"],
  ["show.m3u8", "live/show-7.ts", "live/show-7.ts"],
  ["live/show.m3u8", "ts/live/show-7.ts", "../ts/live/show-7.ts"],
  ["a/b/show.m3u8", "a/c/show-7.ts", "../c/show-7.ts"],
  ["live/a%20b.m3u8", "live/a%20b-7.ts", "a%2520b-7.ts"],
  ["live/直.m3u8", "live/直-7.ts", "%E7%9B%B4-7.ts"],
];

for (const [playlist, path, uri] of URIS) {
  Deno.test(`relativeUri() and pathOfUri() between ${playlist} and ${path}`, () => {
    assertEquals(relativeUri(playlist, path), uri);
    assertEquals(pathOfUri(playlist, uri), path);
  });
}

for (
  const uri of ["../../x.ts", "/etc/passwd", "a//b", "%2Fetc", "a%00", "%zz", ".", "a%5Cb", ""]
) {
  Deno.test(`pathOfUri() rejects ${uri}`, () => {
    assertEquals(pathOfUri("live/show.m3u8", uri), null);
  });
}

const PATHS: readonly (readonly [parts: readonly string[], paths: readonly string[]])[] = [
  [["live", "show.m3u8"], ["live/show.m3u8"]],
  [["live", "show-7.ts"], ["live/show-7.ts"]],
  [["live", "cam(1).m3u8"], ["live/cam%281%29.m3u8", "live/cam(1).m3u8"]],
  // A stream may be called like the file of another one.
  [["live", "cam%281%29.m3u8"], ["live/cam%25281%2529.m3u8", "live/cam%281%29.m3u8"]],
  [["live", "cam%281%29-7.ts"], ["live/cam%281%29-7.ts"]],
  [["live", "café one.m3u8"], ["live/caféone.m3u8", "live/café one.m3u8"]],
  [["v1.0", "show.m3u8"], ["v1%2E0/show.m3u8", "v1.0/show.m3u8"]],
  [["v1.0", "show-7.ts"], ["v1.0/show-7.ts", "v1%2E0/show-7.ts"]],
  [["a b", ".x.m3u8"], ["ab/%2Ex.m3u8", "a b/%2Ex.m3u8"]],
  [["..", "x.m3u8"], ["%2E%2E/x.m3u8"]],
  [["a", ".hidden"], []],
  [["a\\b", "x.ts"], ["a%5Cb/x.ts"]],
  [["a b", " .m3u8"], ["a b/ .m3u8"]],
];

for (const [parts, paths] of PATHS) {
  Deno.test(`filePathsOf() of ${parts.join("/")} is ${paths.join(", ") || "nothing"}`, () => {
    assertEquals(filePathsOf(parts), paths);
  });
}

Deno.test("filePathsOf() keeps the folders above hls_path", () => {
  assertEquals(filePathsOf(["v1.0", "a.b", "x(1).m3u8"]), [
    "v1%2E0/a%2Eb/x%281%29.m3u8",
    "v1.0/a%2Eb/x%281%29.m3u8",
    "v1.0/a.b/x%281%29.m3u8",
    "v1.0/a.b/x(1).m3u8",
  ]);
});

Deno.test("filePathsOf() of a path with many parts is that path", () => {
  const parts = Array.from({ length: 2000 }, () => "a.b");
  assertEquals(filePathsOf(parts), [parts.join("/")]);
});

Deno.test("filePathsOf() finds the playlist of every stream", () => {
  const names = ["cam(1)", "it's", 'a"b<c>', "a*b;c|d&e", "100%a", "emoji😀", ".x", "a.b", "`"];
  for (const name of names) {
    for (const app of ["live", "v1.0", "live/room(1)", "%2e"]) {
      const written = fillStream("[app]/[stream].m3u8", streamNames("v", `${app}/${name}`)!);
      assertEquals(filePathsOf(`${app}/${name}.m3u8`.split("/"))[0], written);
    }
  }
});
