import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { HlsRig } from "./rig.ts";

const MASTER = "live/show.master";

Deno.test("A stream has a master playlist with its codecs, size and measured rates", async () => {
  const rig = new HlsRig();
  const publisher = rig.publish();
  publisher.send(7);
  await rig.untilSegments(3);
  const lines = rig.playlist(MASTER).split("\n");
  assertEquals(lines.slice(0, 3), ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-INDEPENDENT-SEGMENTS"]);
  const [, peak, average] =
    /^#EXT-X-STREAM-INF:BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+),CODECS="avc1.64000a,mp4a.40.2",RESOLUTION=64x36,FRAME-RATE=10.000$/
      .exec(lines[3]!) ?? [];
  assertEquals([lines[4], lines.length], ["show.m3u8", 6]);
  // A segment of 2 s has 40 packets of 188 bytes or more.
  const rateOf = (path: string) => rig.files.contents.get(path)!.length * 8 / 2;
  const rates = rig.files.paths.filter((path) => path.endsWith(".ts")).map(rateOf);
  const highest = Math.max(...rates);
  assertEquals(Number(peak) >= highest && Number(peak) < highest * 1.1, true, `${peak} ${rates}`);
  assertEquals(Number(average) <= Number(peak), true);
  await rig.close();
});

Deno.test("Renditions of a stream share its master playlist, in the order of hls_variant", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 6; hls_variant _720p _480p;");
  const low = rig.publish("live/show_480p");
  const high = rig.publish("live/show_720p");
  const other = rig.publish("live/_720p");
  for (const publisher of [low, high, other]) publisher.send(5);
  await rig.untilSegments(2, "live/show_720p");
  await rig.untilSegments(2, "live/show_480p");
  await rig.untilSegments(2, "live/_720p");
  const members = () => rig.playlist(MASTER).split("\n").filter((line) => /^[^#]/.test(line));
  assertEquals(members(), ["show_720p.m3u8", "show_480p.m3u8"]);
  assertMatch(rig.playlist("live/show_480p.master"), /\nshow_480p\.m3u8\n$/);
  assertMatch(rig.playlist("live/_720p.master"), /\n_720p\.m3u8\n$/);
  low.handle.end("unpublished");
  await rig.poll("the end", () => true);
  await rig.clock.advance(4000);
  await rig.poll("one rendition", () => members().length === 1);
  assertEquals(members(), ["show_720p.m3u8"]);
  high.handle.end("unpublished");
  await rig.poll("the end", () => true);
  await rig.clock.advance(200_000);
  await rig.poll("no file", () => rig.playlist(MASTER) === "");
  await rig.close();
});

Deno.test("A stream whose playlist would have the name of a master playlist has no HLS", async () => {
  const rig = new HlsRig();
  rig.publish("live/show.master").send(5);
  await rig.poll("the warning", () => rig.lines.length > 0);
  assertEquals(rig.lines, [
    "HLS skipped: the playlist would have the name of a master playlist: " +
    "publish it under a name that does not end in .master",
  ]);
  assertEquals(rig.files.paths, []);
  await rig.close();
});
