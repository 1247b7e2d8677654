import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { readFlv } from "../../lib/media/flv_file.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { hex } from "../helpers/hex.ts";
import { numbersOf } from "../helpers/mp4_boxes.ts";
import { HlsRig, MemoryFiles } from "./rig.ts";

Deno.test("HlsService writes segments from keyframe to keyframe, and a playlist", async () => {
  const rig = new HlsRig();
  rig.publish().send(5);
  await rig.untilSegments(2);
  assertEquals(
    rig.undated(),
    `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:1700000000
#EXT-X-DISCONTINUITY-SEQUENCE:0
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXTINF:2.000,
show-1700000000.ts
#EXTINF:2.000,
show-1700000001.ts
`,
  );
  assertEquals(rig.files.paths, [
    "html/live/show-1700000000.ts",
    "html/live/show-1700000001.ts",
    "html/live/show.m3u8",
    "html/live/show.master.m3u8",
  ]);
  // Sync bytes of a transport stream.
  const segment = rig.files.contents.get("html/live/show-1700000000.ts")!;
  assertEquals(
    rig.complete.map(({ segment }) => segment),
    [0, 1].map((number) => ({
      path: `live/show-170000000${number}.ts`,
      playlistPath: "live/show.m3u8",
      durationMs: 2000,
      sequence: 1_700_000_000 + number,
    })),
  );
  assertEquals([segment.length % 188, segment[0], segment[188]], [0, 0x47, 0x47]);
  await rig.close();
});

Deno.test("HlsService keeps the window, and removed segments as long again for late players", async () => {
  const rig = new HlsRig();
  const publisher = rig.publish();
  for (let segments = 1; segments <= 9; segments++) {
    publisher.send(2);
    if (segments > 1) await rig.untilSegments(segments - 1);
  }
  assertEquals(rig.entries(), ["5", "6", "7"]);
  const kept = [2, 3, 4, 5, 6, 7].map((number) => `html/live/show-${1_700_000_000 + number}.ts`);
  assertEquals(rig.files.paths, [...kept, "html/live/show.m3u8", "html/live/show.master.m3u8"]);
  await rig.close();
});

Deno.test("HlsService keeps all segments if hls_cleanup is off", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 6; hls_cleanup off; hls_dispose 60;");
  const publisher = rig.publish();
  for (let segments = 1; segments <= 6; segments++) {
    publisher.send(2);
    if (segments > 1) await rig.untilSegments(segments - 1);
  }
  publisher.handle.end("unpublished");
  await rig.untilSegments(6);
  assertEquals(rig.files.paths.length, 8);
  await rig.clock.advance(60_000);
  await rig.poll("the end of the playlist", () => rig.playlist() === "");
  assertEquals(rig.files.paths.length, 6);
  await rig.close();
});

Deno.test("HlsService writes the last, shorter segment when the stream is unpublished", async () => {
  const rig = new HlsRig();
  const publisher = rig.publish();
  publisher.send(3);
  publisher.handle.end("unpublished");
  await rig.untilSegments(2);
  assertMatch(rig.undated(), /#EXTINF:2\.000,\n.*\n#EXTINF:0\.940,\n/);
  assertEquals(rig.playlist().includes("ENDLIST"), false);
  await rig.close();
});

Deno.test("HlsService continues the numbers when the stream is published again", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("unpublished");
  await rig.untilSegments(2);
  assertEquals([...rig.hub.streams()], []);
  const second = rig.publish();
  second.send(3);
  await rig.untilSegments(3);
  assertEquals(rig.entries(), ["0", "1", "!2"]);
  await rig.close();
});

Deno.test("HlsService marks a discontinuity where another publisher takes over", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("away");
  rig.publish("live/show", 50_000).send(5);
  await rig.untilSegments(4);
  assertEquals(rig.entries(), ["0", "1", "!2", "3"]);
  await rig.close();
});

Deno.test("HlsService continues the playlist of a server that ran before", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  rig.publish().send(3);
  await rig.untilSegments(1);
  await rig.close();
  assertEquals(rig.entries(), ["0", "1"]);

  const next = new HlsRig("hls_fragment 2; hls_window 60;", rig.files);
  next.wallMs += 3_600_000;
  next.publish().send(5);
  await next.untilSegments(4);
  assertEquals(next.entries(), ["0", "1", "!2", "3"]);
  await next.close();
});

Deno.test("HlsService removes segments of a server that ran before", async () => {
  const rig = new HlsRig();
  rig.publish().send(5);
  await rig.untilSegments(2);
  await rig.close();
  const next = new HlsRig("hls_fragment 2; hls_window 6; hls_dispose 10;", rig.files);
  const publisher = next.publish();
  publisher.send(3);
  publisher.handle.end("unpublished");
  await next.untilSegments(5);
  await next.clock.advance(10_000);
  await next.poll("no file", () => next.files.paths.length === 0);
  await next.close();
});

Deno.test("HlsService replaces a playlist of another program", async () => {
  const files = new MemoryFiles();
  files.contents.set("html/live/show.m3u8", new TextEncoder().encode("<html>"));
  const rig = new HlsRig("hls_fragment 2; hls_window 6;", files);
  rig.publish().send(3);
  await rig.poll("a segment", () => rig.entries().length > 0);
  assertEquals(rig.entries(), ["0"]);
  await rig.close();
});

Deno.test("HlsService removes no file outside its folder, even if the playlist lists one", async () => {
  const files = new MemoryFiles();
  files.contents.set("secret.ts", new Uint8Array(1));
  const text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1700000000\n#EXT-X-TARGETDURATION:2\n" +
    "#EXTINF:2.000,\n../../secret.ts\n";
  files.contents.set("html/live/show.m3u8", new TextEncoder().encode(text));
  const rig = new HlsRig("hls_fragment 2; hls_window 6; hls_dispose 1;", files);
  const publisher = rig.publish();
  publisher.send(3);
  publisher.handle.end("unpublished");
  await rig.untilSegments(3);
  await rig.clock.advance(1000);
  await rig.poll("the end", () => rig.playlist() === "");
  assertEquals(files.paths, ["secret.ts"]);
  await rig.close();
});

Deno.test("HlsService removes all files after hls_dispose without a publisher", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 6; hls_dispose 30;");
  const publisher = rig.publish();
  publisher.send(7);
  publisher.handle.end("unpublished");
  await rig.untilSegments(4);
  await rig.clock.advance(29_000);
  assertEquals(rig.entries().length, 4);
  await rig.clock.advance(1000);
  await rig.poll("no file", () => rig.files.paths.length === 0);
  // No name is used twice: caches may still hold the old content.
  rig.wallMs += 60_000;
  rig.publish().send(3);
  await rig.untilSegments(61);
  assertEquals(rig.entries(), ["60"]);
  await rig.close();
});

Deno.test("HlsService keeps the files of a publisher that returns in time", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60; hls_dispose 30;");
  const publisher = rig.publish();
  publisher.send(3);
  publisher.handle.end("unpublished");
  await rig.untilSegments(2);
  await rig.clock.advance(29_000);
  rig.wallMs += 29_000;
  const second = rig.publish();
  second.send(3);
  await rig.untilSegments(3);
  await rig.clock.advance(60_000);
  assertEquals(rig.entries(), ["!2"]);
  assertEquals(rig.files.paths.length, 5);
  await rig.close();
});

Deno.test("HlsService ends the playlist 3 s after the stream was unpublished", async () => {
  const rig = new HlsRig();
  const publisher = rig.publish();
  publisher.send(3);
  publisher.handle.end("unpublished");
  await rig.untilSegments(2);
  await rig.clock.advance(2900);
  assertEquals(rig.playlist().includes("#EXT-X-ENDLIST"), false);
  await rig.poll("the end", () => rig.playlist().endsWith("#EXT-X-ENDLIST\n"));
  assertEquals(rig.entries(), ["0", "1"]);
  await rig.close();
});

Deno.test("HlsService begins a new list after an ended one, with numbers that continue", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("unpublished");
  await rig.untilSegments(2);
  await rig.clock.advance(4000);
  await rig.poll("the end", () => rig.playlist().includes("#EXT-X-ENDLIST"));
  rig.wallMs += 4000;
  rig.publish().send(5);
  await rig.untilSegments(4);
  assertEquals(rig.entries(), ["!2", "3"]);
  assertEquals(rig.playlist().includes("#EXT-X-ENDLIST"), false);
  await rig.close();
});

Deno.test("HlsService begins a new list if that of a server that ran before has ended", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("unpublished");
  await rig.untilSegments(2);
  await rig.clock.advance(4000);
  await rig.poll("the end", () => rig.playlist().includes("#EXT-X-ENDLIST"));
  await rig.close();
  const next = new HlsRig("hls_fragment 2; hls_window 60;", rig.files);
  next.publish().send(3);
  await next.poll("a segment", () => !next.playlist().includes("#EXT-X-ENDLIST"));
  assertEquals(next.entries(), ["!2"]);
  await next.close();
});

Deno.test("HlsService does not end the playlist when the server stops", async () => {
  const rig = new HlsRig();
  rig.publish().send(3);
  await rig.untilSegments(1);
  await rig.close();
  await rig.clock.advance(10_000);
  assertEquals(rig.playlist().includes("#EXT-X-ENDLIST"), false);
});

Deno.test("HlsService takes the target duration from the settings, not from an old playlist", async () => {
  const files = new MemoryFiles();
  const text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:1699999999\n#EXT-X-TARGETDURATION:60\n" +
    "#EXTINF:2.000,\nshow-1.ts\n";
  files.contents.set("html/live/show.m3u8", new TextEncoder().encode(text));
  const rig = new HlsRig("hls_fragment 2; hls_window 60;", files);
  rig.publish().send(3);
  await rig.poll("a segment", () => rig.entries().length === 2);
  assertMatch(rig.playlist(), /#EXT-X-TARGETDURATION:2\n/);
  await rig.close();
});

Deno.test("HlsService dates segments by the stream's time, also after a burst", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const publisher = rig.publish();
  publisher.send(5);
  await rig.untilSegments(2);
  rig.wallMs += 1900;
  publisher.send(2);
  await rig.untilSegments(3);
  // The clock ran on while the stream stood still, then the encoder began again.
  rig.wallMs += 60_000;
  publisher.send(2);
  await rig.untilSegments(4);
  const dates = rig.playlist().match(/(?<=DATE-TIME:2023-11-14T).*/g);
  assertEquals(dates, ["22:13:18.000Z", "22:13:20.000Z", "22:13:22.000Z", "22:14:19.900Z"]);
  await rig.close();
});

Deno.test("HlsService logs a disk error once and continues after it with a discontinuity", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const publisher = rig.publish();
  publisher.send(3);
  await rig.untilSegments(1);
  rig.files.fault = new Error("No space left on device (os error 28)");
  publisher.send(4);
  await rig.poll("a line", () => rig.lines.length > 0);
  publisher.send(4);
  await rig.poll("the reading", () => true);
  rig.files.fault = null;
  publisher.send(2);
  await rig.poll("two segments", () => rig.entries().length > 1);
  assertEquals(rig.entries()[1]?.startsWith("!"), true);
  assertEquals(rig.lines, [
    "HLS write failed: No space left on device (os error 28): " +
    "give the server write access to the hls_path folder, and check its free space",
    "HLS writing resumed",
  ]);
  await rig.close();
});

Deno.test("HlsService drops segments if the disk is too slow, and logs it", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const publisher = rig.publish();
  let open = () => {};
  rig.files.gate = new Promise((resolve) => open = resolve);
  publisher.send(19);
  await rig.poll("a line", () => rig.lines.length > 0);
  assertEquals(rig.lines, [
    "HLS segment dropped: disk too slow: set hls_path to a folder on a faster disk",
  ]);
  open();
  rig.files.gate = null;
  await rig.untilSegments(8);
  publisher.send(2);
  await rig.untilSegments(9);
  publisher.send(2);
  await rig.untilSegments(10);
  assertEquals(rig.entries().slice(-4), ["6", "7", "!8", "9"]);
  await rig.close();
});

Deno.test("HlsService skips a stream whose name is too long for a file, and logs it", async () => {
  const rig = new HlsRig();
  rig.publish(`live/${"x".repeat(200)}`).send(5);
  await rig.clock.advance(1000);
  assertEquals(rig.lines, [
    "HLS skipped: stream name is too long for a file: publish it under a shorter name",
  ]);
  await rig.close();
  assertEquals(rig.files.paths, []);
});

Deno.test("HlsService lets no stream write the files of another", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60; hls_m3u8_file [stream].m3u8;");
  rig.publish("live/show").send(3);
  rig.publish("other/show").send(3);
  await rig.poll("a segment", () => rig.files.text("html/show.m3u8") !== "");
  assertEquals(rig.lines, [
    'HLS skipped: "v/live/show" writes the same files: ' +
    "put [vhost] and [app] into hls_m3u8_file and hls_ts_file",
  ]);
  await rig.close();
});

Deno.test("HlsService omits a codec that no HLS player supports, and logs it", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_aof_ratio 1;");
  const publisher = rig.hub.open("live/show").publish()!;
  publisher.push(8, 0, hex("AF 00 1210"), 0);
  for (let timeMs = 0; timeMs < 3000; timeMs += 100) {
    publisher.push(9, timeMs, hex("14 00 AB"), timeMs); // VP6
    publisher.push(8, timeMs, hex("AF 01 2100"), timeMs);
  }
  await rig.untilSegments(1);
  assertEquals(rig.lines, [
    "HLS omits VP6: no HLS player supports it: publish H.264, HEVC or AV1 with AAC, MP3 or Opus",
  ]);
  await rig.close();
});

Deno.test("HlsService writes CMAF for AV1 and Opus, with one init segment", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  publishAv1(rig);
  await rig.poll("the end", () => rig.hub.open("live/show").viewerCount === 0);
  await rig.close();
  const init = "html/live/show-1700000000-init.mp4";
  assertEquals(rig.lines, []);
  assertEquals(rig.files.paths.filter((path) => path.endsWith(".mp4")), [init]);
  assertEquals(rig.playlist().match(/#EXT-X-MAP:.*/g), [
    '#EXT-X-MAP:URI="show-1700000000-init.mp4"',
  ]);
  assertEquals(new TextDecoder().decode(rig.files.contents.get(init)!.subarray(4, 8)), "ftyp");
  assertEquals(rig.playlist().includes("DISCONTINUITY\n"), false);
});

/** Publishes `media` of AV1 and Opus. */
function publishAv1(rig: HlsRig): void {
  const publisher = rig.hub.open("live/show").publish()!;
  for (const { typeId, timestampMs, payload } of readFlv(AV1_OPUS_FLV).tags) {
    publisher.push(typeId, timestampMs, payload, timestampMs);
  }
  publisher.end("unpublished");
}

Deno.test("HlsService begins a new list of CMAF when H.264 follows AV1", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  publishAv1(rig);
  await rig.untilSegments(3);
  const publisher = rig.publish();
  publisher.send(5);
  // The old list has ended for as long as players may take to poll it: 4.5 s.
  await rig.poll("the end", () => rig.playlist().includes("#EXT-X-ENDLIST"));
  assertEquals(rig.entries(), ["0", "1", "2"]);
  rig.wallMs += 4400;
  publisher.send(2);
  await rig.poll("a segment", () => rig.files.contents.has("html/live/show-1700000005.m4s"));
  assertEquals(rig.entries(), ["0", "1", "2"]);
  rig.wallMs += 100;
  publisher.send(2);
  await rig.untilSegments(7);
  assertEquals(rig.entries(), ["!3", "4", "5", "6"]);
  assertEquals(rig.files.paths.filter((path) => path.endsWith(".ts")), []);
  assertEquals(rig.playlist().match(/#EXT-X-MAP/g)?.length, 1);
  await rig.close();
});

Deno.test("HlsService begins a new list of CMAF when AV1 follows H.264", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(5);
  first.handle.end("unpublished");
  await rig.untilSegments(3);
  publishAv1(rig);
  await rig.poll("the end of the old list", () => rig.playlist().includes("#EXT-X-ENDLIST"));
  assertEquals(rig.playlist().includes(".m4s"), false);
  await rig.clock.advance(3000);
  await rig.poll("the new list", () => rig.playlist().includes(".m4s"));
  assertEquals(rig.playlist().includes(".ts\n"), false);
  assertEquals(rig.entries(), ["!3", "4", "5"]);
  await rig.close();
});

Deno.test("HlsService continues the list when a publisher of the same codecs returns", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60; hls_use_fmp4 on;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("unpublished");
  await rig.untilSegments(2);
  rig.publish().send(3);
  await rig.untilSegments(3);
  assertEquals(rig.entries(), ["0", "1", "!2"]);
  await rig.close();
});

Deno.test("HlsService continues a CMAF playlist of a server that ran before", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  publishAv1(rig);
  await rig.untilSegments(3);
  await rig.close();
  const next = new HlsRig("hls_fragment 2; hls_window 60;", rig.files);
  next.publish().send(5);
  await next.untilSegments(5);
  assertEquals(next.playlist().includes(".ts\n"), false);
  assertEquals(next.entries(), ["0", "1", "2", "!3", "4"]);
  await next.close();
});

Deno.test("HlsService writes CMAF for all codecs if hls_use_fmp4 is on", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60; hls_use_fmp4 on;");
  rig.publish().send(5);
  await rig.untilSegments(2);
  assertEquals(rig.files.paths.map((path) => path.replace("html/live/show", "")), [
    "-1700000000-init.mp4",
    "-1700000000.m4s",
    "-1700000001.m4s",
    ".m3u8",
    ".master.m3u8",
  ]);
  const segments = ["00", "01"].map((end) => `html/live/show-17000000${end}.m4s`);
  const numbers = segments.flatMap((path) => numbersOf("mfhd", rig.files.contents.get(path)!));
  assertEquals(numbers, [1, 2, 3, 4]);
  await rig.close();
});

Deno.test("HlsService leaves a stream when its publisher does", async () => {
  const rig = new HlsRig();
  const publisher = rig.publish();
  publisher.send(1);
  await rig.clock.advance(400);
  assertEquals(rig.hub.open("live/show").viewerCount, 1);
  publisher.handle.end("unpublished");
  await rig.clock.advance(200);
  assertEquals([...rig.hub.streams()], []);
  await rig.close();
});

Deno.test("HlsService applies changed settings to the next publish", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  await rig.untilSegments(1);
  rig.configure("hls_fragment 1; hls_window 60;");
  first.send(2);
  await rig.untilSegments(2);
  first.handle.end("unpublished");
  await rig.untilSegments(3);
  rig.publish().send(3);
  await rig.untilSegments(5);
  const durations = rig.playlist().match(/(?<=#EXTINF:)[\d.]+/g);
  assertEquals(durations, ["2.000", "2.000", "0.940", "1.000", "1.000"]);
  assertEquals(rig.entries(), ["0", "1", "2", "!3", "4"]);
  await rig.close();
});

Deno.test("HlsService applies changed settings to a publisher that returns", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("away");
  rig.configure("hls_fragment 2; hls_window 60; hls_m3u8_file [stream].m3u8;");
  rig.publish().send(3);
  await rig.poll("the new playlist", () => rig.files.text("html/show.m3u8") !== "");
  assertEquals(rig.entries(), ["0", "1"]);
  assertEquals(rig.hub.open("live/show").viewerCount, 1);
  await rig.close();
});

Deno.test("HlsService stops at the next publish if HLS was disabled", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const first = rig.publish();
  first.send(3);
  first.handle.end("away");
  rig.configure("", "off");
  rig.publish().send(5);
  await rig.untilSegments(2);
  await rig.clock.advance(1000);
  assertEquals(rig.entries(), ["0", "1"]);
  assertEquals(rig.hub.open("live/show").viewerCount, 0);
  await rig.close();
});
