import {
  parsePlaylist,
  Playlist,
  type PlaylistEntry,
  targetSecondsOf,
} from "../../lib/hls/playlist.ts";
import { assertEquals } from "../helpers/assert.ts";

const FRESH = { sequence: 7, discontinuitySequence: 0, isEnded: false, entries: [] } as const;

/** An entry without a time of day. */
const ENTRY = {
  durationMs: 2000,
  isDiscontinuity: false,
  isIndependent: true,
  wallMs: null,
  initUri: null,
} as const;

function entry(uri: string, change: Partial<PlaylistEntry> = {}): PlaylistEntry {
  return { ...ENTRY, uri, ...change };
}

function createPlaylist(windowMs = 60_000): Playlist {
  return new Playlist({ windowMs, targetSeconds: 2 }, FRESH);
}

function targetOf(playlist: Playlist): number {
  return Number(/TARGETDURATION:(\d+)/.exec(playlist.render())![1]);
}

Deno.test("Playlist renders transport streams with version 3", () => {
  const playlist = createPlaylist();
  playlist.add(entry("a-7.ts"));
  playlist.add(entry("a-8.ts", { durationMs: 2033.4, isDiscontinuity: true }));
  assertEquals(
    playlist.render(),
    `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXTINF:2.000,
a-7.ts
#EXT-X-DISCONTINUITY
#EXTINF:2.033,
a-8.ts
`,
  );
});

Deno.test("Playlist lists an init segment where it changes, with version 6", () => {
  const playlist = createPlaylist();
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
#EXT-X-INDEPENDENT-SEGMENTS
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
  const playlist = createPlaylist(7000);
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
#EXT-X-INDEPENDENT-SEGMENTS
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
  const playlist = createPlaylist(1000);
  const countAfter = (durationMs: number) => {
    playlist.add(entry("a", { durationMs }));
    return playlist.entries.length;
  };
  assertEquals([2000, 2000, 2000, 2000].map(countAfter), [1, 2, 3, 3]);
  assertEquals(playlist.windowMs, 6000);
  // The target is 3 s now, so four segments of 2 s are too few.
  assertEquals([2600, 2000, 2000, 2000].map(countAfter), [4, 5, 5, 5]);
  assertEquals(playlist.windowMs, 9000);
});

Deno.test("Playlist compares rounded durations with the target duration", () => {
  const playlist = createPlaylist();
  for (const durationMs of [2002, 2035, 2499]) playlist.add(entry("a", { durationMs }));
  assertEquals(targetOf(playlist), 2);
  playlist.add(entry("a", { durationMs: 2500 }));
  assertEquals(targetOf(playlist), 3);
});

Deno.test("Playlist raises the target duration only while it lists the long segment", () => {
  const playlist = createPlaylist(5000);
  playlist.add(entry("long", { durationMs: 4100 }));
  assertEquals(targetOf(playlist), 4);
  const targets = Array.from({ length: 8 }, () => {
    playlist.add(entry("short"));
    return targetOf(playlist);
  });
  assertEquals(targets, [4, 4, 4, 4, 4, 2, 2, 2]);
});

Deno.test("targetSecondsOf() rounds, and is at least 1", () => {
  const targets = [[2000, 1], [2400, 1], [2000, 1.3], [200, 1], [10_000, 1.5]].map((
    [fragmentMs, ratio],
  ) => targetSecondsOf({ fragmentMs: fragmentMs!, targetDurationRatio: ratio! }));
  assertEquals(targets, [2, 2, 3, 1, 15]);
});

Deno.test("Playlist says that segments are independent only while all are", () => {
  const playlist = createPlaylist(4000);
  const isSaid = (isIndependent: boolean) => {
    playlist.add(entry("a", { isIndependent }));
    return playlist.render().includes("#EXT-X-INDEPENDENT-SEGMENTS\n");
  };
  assertEquals([true, false, true, true, true].map(isSaid), [true, false, false, false, true]);
});

Deno.test("Playlist states times of day, and its end", () => {
  const playlist = createPlaylist();
  playlist.add(entry("a.ts", { wallMs: 1_700_000_000_040 }));
  playlist.end();
  assertEquals(
    playlist.render().split("\n").slice(-5),
    [
      "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.040Z",
      "#EXTINF:2.000,",
      "a.ts",
      "#EXT-X-ENDLIST",
      "",
    ],
  );
});

Deno.test("Playlist.restart() continues the numbers and counts discontinuities", () => {
  const playlist = createPlaylist();
  playlist.add(entry("a.ts"));
  playlist.add(entry("b.ts", { isDiscontinuity: true }));
  playlist.end();
  assertEquals(playlist.restart().map(({ uri }) => uri), ["a.ts", "b.ts"]);
  playlist.add(entry("c.ts", { isDiscontinuity: true }));
  assertEquals(
    playlist.render(),
    `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:9
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-DISCONTINUITY
#EXTINF:2.000,
c.ts
`,
  );
});

Deno.test("parsePlaylist() reads what Playlist wrote", () => {
  const state = {
    sequence: 1_795_351_612,
    discontinuitySequence: 3,
    isEnded: true,
    entries: [
      entry("https://cdn.example.com/a-1.m4s", {
        initUri: "a-1-init.mp4",
        wallMs: 1_700_000_000_040,
      }),
      entry("a-2.m4s", { initUri: "a-1-init.mp4", durationMs: 10_033 }),
      entry("a-3.m4s", { initUri: "a-3-init.mp4", isDiscontinuity: true }),
    ],
  };
  assertEquals(
    parsePlaylist(new Playlist({ windowMs: 60_000, targetSeconds: 2 }, state).render()),
    state,
  );
});

Deno.test("parsePlaylist() reads a playlist of SRS", () => {
  const text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA-SEQUENCE:4\n#EXT-X-TARGETDURATION:11\n\n" +
    "#EXT-X-DISCONTINUITY\n#EXTINF:10.005, no desc\nshow-4.ts\n";
  assertEquals(parsePlaylist(text), {
    sequence: 4,
    discontinuitySequence: 0,
    isEnded: false,
    entries: [
      entry("show-4.ts", { durationMs: 10_005, isDiscontinuity: true, isIndependent: false }),
    ],
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
