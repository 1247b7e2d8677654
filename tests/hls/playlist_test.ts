import { parsePlaylist, Playlist, type PlaylistEntry } from "../../lib/hls/playlist.ts";
import { assertEquals } from "../helpers/assert.ts";

const FRESH = { sequence: 7, discontinuitySequence: 0, targetSeconds: 2, entries: [] } as const;

function entry(uri: string, change: Partial<PlaylistEntry> = {}): PlaylistEntry {
  return { uri, durationMs: 2000, isDiscontinuity: false, initUri: null, ...change };
}

Deno.test("Playlist renders transport streams with version 3", () => {
  const playlist = new Playlist(60_000, FRESH);
  playlist.add(entry("a-7.ts"));
  playlist.add(entry("a-8.ts", { durationMs: 2033.4, isDiscontinuity: true }));
  assertEquals(
    playlist.render(),
    `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-TARGETDURATION:3
#EXTINF:2.000,
a-7.ts
#EXT-X-DISCONTINUITY
#EXTINF:2.033,
a-8.ts
`,
  );
});

Deno.test("Playlist lists an init segment where it changes, with version 6", () => {
  const playlist = new Playlist(60_000, FRESH);
  playlist.add(entry("a-7.m4s", { initUri: "a-7-init.mp4" }));
  playlist.add(entry("a-8.m4s", { initUri: "a-7-init.mp4" }));
  playlist.add(entry("a-9.m4s", { initUri: "a-9-init.mp4", isDiscontinuity: true }));
  assertEquals(
    playlist.render(),
    `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-TARGETDURATION:2
#EXT-X-MAP:URI="a-7-init.mp4"
#EXTINF:2.000,
a-7.m4s
#EXTINF:2.000,
a-8.m4s
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI="a-9-init.mp4"
#EXTINF:2.000,
a-9.m4s
`,
  );
});

Deno.test("Playlist drops entries beyond the window and counts them", () => {
  const playlist = new Playlist(7000, FRESH);
  const dropped = ["a", "b", "c", "d", "e"].flatMap((uri) =>
    playlist.add(entry(uri, { isDiscontinuity: uri === "b" }))
  );
  assertEquals(dropped.map(({ uri }) => uri), ["a", "b"]);
  assertEquals(playlist.nextSequence, 12);
  assertEquals(
    playlist.render(),
    `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:9
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-TARGETDURATION:2
#EXTINF:2.000,
c
#EXTINF:2.000,
d
#EXTINF:2.000,
e
`,
  );
});

Deno.test("Playlist keeps the three target durations that players need even if the window is shorter", () => {
  const playlist = new Playlist(1000, FRESH);
  const countAfter = (durationMs: number) => {
    playlist.add(entry("a", { durationMs }));
    return playlist.entries.length;
  };
  assertEquals([2000, 2000, 2000, 2000].map(countAfter), [1, 2, 3, 3]);
  assertEquals(playlist.windowMs, 6000);
  // The target is 3 s now, so four segments of 2 s are too few.
  assertEquals([2100, 2000, 2000, 2000].map(countAfter), [4, 5, 5, 5]);
  assertEquals(playlist.windowMs, 9000);
});

Deno.test("Playlist never lowers the target duration, which players rely on", () => {
  const playlist = new Playlist(5000, FRESH);
  playlist.add(entry("long", { durationMs: 4100 }));
  for (let count = 0; count < 8; count++) playlist.add(entry("short"));
  assertEquals(playlist.entries.some(({ uri }) => uri === "long"), false);
  assertEquals(/TARGETDURATION:(\d+)/.exec(playlist.render())?.[1], "5");
});

Deno.test("parsePlaylist() reads what Playlist wrote", () => {
  const state = {
    sequence: 1_795_351_612,
    discontinuitySequence: 3,
    targetSeconds: 11,
    entries: [
      entry("https://cdn.example.com/a-1.m4s", { initUri: "a-1-init.mp4" }),
      entry("a-2.m4s", { initUri: "a-1-init.mp4", durationMs: 10_033 }),
      entry("a-3.m4s", { initUri: "a-3-init.mp4", isDiscontinuity: true }),
    ],
  };
  assertEquals(parsePlaylist(new Playlist(60_000, state).render()), state);
});

Deno.test("parsePlaylist() reads a playlist of SRS", () => {
  const text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-TARGETDURATION:11\n\n" +
    "#EXT-X-DISCONTINUITY\n#EXTINF:10.005, no desc\nshow-4.ts\n";
  assertEquals(parsePlaylist(text), {
    sequence: 4,
    discontinuitySequence: 0,
    targetSeconds: 11,
    entries: [entry("show-4.ts", { durationMs: 10_005, isDiscontinuity: true })],
  });
});

for (
  const text of [
    "",
    "garbage\0",
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n",
    "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1\n#EXT-X-TARGETDURATION:2\n",
    "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1e9\n#EXT-X-TARGETDURATION:2\n",
  ]
) {
  Deno.test(`parsePlaylist() is null for ${JSON.stringify(text)}`, () => {
    assertEquals(parsePlaylist(text), null);
  });
}
