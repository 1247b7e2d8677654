import { concatBytes } from "../../lib/base/bytes.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { findBoxes } from "../helpers/mp4_boxes.ts";
import { findFaults } from "./ll_validator.ts";
import { AAC_CONFIG, audioFrame, AVC_CONFIG, HlsRig, MemoryFiles, videoFrame } from "./rig.ts";

/** Keeps all versions of playlists. */
class PlaylistFiles extends MemoryFiles {
  readonly versions = new Map<string, string[]>();

  override async write(path: string, content: Uint8Array): Promise<void> {
    await super.write(path, content);
    if (!path.endsWith(".m3u8")) return;
    const versions = this.versions.get(path) ?? [];
    this.versions.set(path, versions);
    versions.push(new TextDecoder().decode(content));
  }

  of(name: string): string[] {
    return this.versions.get(`html/${name}.m3u8`) ?? [];
  }
}

const LOW = "hls_fragment 2; hls_window 6; hls_ll on;";

Deno.test("A playlist of low-latency HLS keeps to RFC 8216bis in every version", async () => {
  const files = new PlaylistFiles();
  const rig = new HlsRig(LOW, files);
  const publisher = rig.publish();
  for (let second = 0; second < 26; second++) {
    publisher.send(1);
    // The first segment is listed when it is complete.
    await rig.poll("the parts", () => files.of("live/show").length >= (second - 2) * 2);
  }
  const versions = files.of("live/show");
  // A part every 0.4 s, and each segment once more.
  assert(versions.length > 55, `${versions.length} versions`);
  assertEquals(findFaults(versions), []);
  const newest = versions.at(-1)!;
  assert(/^#EXT-X-PART-INF:PART-TARGET=0.420$/m.test(newest), newest);
  assert(/^#EXT-X-PART:DURATION=0.400,URI="show-\d+\.part0\.m4s",INDEPENDENT=YES$/m.test(newest));
  publisher.handle.end("unpublished");
  await rig.poll("the end", () => true);
  await rig.clock.advance(4000);
  await rig.poll("ENDLIST", () => rig.playlist().includes("#EXT-X-ENDLIST"));
  assertEquals(findFaults(files.of("live/show").slice(-2)), []);
  await rig.close();
});

for (const rate of [5, 7.5, 8, 10, 12, 12.5, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60]) {
  Deno.test(`Parts are long enough at ${rate} frames a second, audio first`, async () => {
    const files = new PlaylistFiles();
    const rig = new HlsRig("hls_fragment 2; hls_window 10; hls_ll on;", files);
    const publisher = rig.hub.open("live/show").publish()!;
    const push = (typeId: number, timeMs: number, payload: Uint8Array) =>
      publisher.push(typeId, Math.round(timeMs), payload, Math.round(timeMs));
    push(9, 0, AVC_CONFIG);
    push(8, 0, AAC_CONFIG);
    // The encoder's audio is 70 ms ahead.
    for (let index = 0; index < 3; index++) push(8, index * 21.3, audioFrame(index));
    for (let index = 0; index < 9 * rate; index++) {
      const isKey = index % Math.round(2 * rate) === 0;
      push(9, 70 + index * 1000 / rate, videoFrame(isKey, index));
      push(8, 70 + index * 1000 / rate, audioFrame(100 + index));
    }
    await rig.untilSegments(3);
    const versions = files.of("live/show");
    assert(versions.length > 8, `${versions.length} versions`);
    assertEquals(findFaults(versions), []);
    await rig.close();
  });
}

/** Sends a second at a time of a stream whose keyframes are `gopFrames` frames of 100 ms apart. */
async function versionsOf(
  directives: string,
  tracks: "both" | "audio",
  gopFrames: number,
): Promise<string[]> {
  const files = new PlaylistFiles();
  const rig = new HlsRig(directives, files);
  const publisher = rig.hub.open("live/show").publish()!;
  const push = (typeId: number, timeMs: number, payload: Uint8Array) =>
    publisher.push(typeId, timeMs, payload, timeMs);
  if (tracks === "both") push(9, 0, AVC_CONFIG);
  push(8, 0, AAC_CONFIG);
  for (let index = 0; index < 200; index++) {
    if (tracks === "both") push(9, index * 100, videoFrame(index % gopFrames === 0, index));
    push(8, index * 100, audioFrame(index));
    if (index % 10 === 9) await rig.poll("the parts", () => true);
  }
  await rig.untilSegments(4);
  await rig.close();
  return files.of("live/show");
}

Deno.test("The target duration of low-latency HLS is right from the start without video", async () => {
  const versions = await versionsOf("hls_fragment 1; hls_window 6; hls_ll on;", "audio", 1);
  assertEquals(findFaults(versions), []);
  // Segments end after 2.1 s.
  assert(versions[0]!.includes("#EXT-X-TARGETDURATION:2\n"), versions[0]);
});

Deno.test("The target duration of low-latency HLS is right from the start with a long GOP", async () => {
  const versions = await versionsOf("hls_fragment 2; hls_window 6; hls_ll on;", "both", 40);
  assertEquals(findFaults(versions), []);
  assert(versions[0]!.includes("#EXT-X-TARGETDURATION:4\n"), versions[0]);
});

for (const [frameMs, target, holdBack] of [[1000, "1.000", "3.000"], [500, "0.500", "1.500"]]) {
  Deno.test(`Players stay far enough behind frames that last ${frameMs} ms`, async () => {
    const files = new PlaylistFiles();
    const rig = new HlsRig(LOW, files);
    const publisher = rig.hub.open("live/show").publish()!;
    publisher.push(9, 0, AVC_CONFIG, 0);
    for (let timeMs = 0; timeMs < 12_000; timeMs += Number(frameMs)) {
      publisher.push(9, timeMs, videoFrame(timeMs % 2000 === 0, timeMs), timeMs);
      await rig.poll("the parts", () => true);
    }
    await rig.untilSegments(4);
    const versions = files.of("live/show");
    assertEquals(findFaults(versions), []);
    assert(versions[0]!.includes(`#EXT-X-PART-INF:PART-TARGET=${target}\n`), versions[0]);
    assert(versions[0]!.includes(`PART-HOLD-BACK=${holdBack}\n`), versions[0]);
    await rig.close();
  });
}

Deno.test("The last part of a stream is not too long", async () => {
  const files = new PlaylistFiles();
  const rig = new HlsRig(LOW, files);
  const publisher = rig.hub.open("live/show").publish()!;
  publisher.push(8, 0, AAC_CONFIG, 0);
  // The last frame begins 406 ms after its part.
  for (let index = 0; index < 9 * 36; index++) {
    publisher.push(8, Math.round(index * 11.6), audioFrame(index), index * 12);
  }
  publisher.end("unpublished");
  await rig.untilSegments(1);
  assertEquals(findFaults(files.of("live/show")), []);
  await rig.close();
});

Deno.test("A segment is what its parts are together, and starts with its decode time", async () => {
  const rig = new HlsRig(LOW);
  rig.publish().send(9);
  await rig.untilSegments(4);
  const stems = rig.files.paths.filter((path) => /-\d+\.m4s$/.test(path))
    .map((path) => path.replace(".m4s", ""));
  for (const stem of stems) {
    const parts = rig.files.paths.filter((path) => path.startsWith(`${stem}.part`));
    assertEquals(parts.length, 5);
    const whole = concatBytes(parts.map((path) => rig.files.contents.get(path)!));
    assertEquals(rig.files.contents.get(`${stem}.m4s`), whole);
  }
  // tfdt, version 1, of the second segment: 2 s in the timescale of the video, and the tick by
  // which segments are late.
  const [time] = findBoxes("tfdt", rig.files.contents.get(`${stems[1]}.m4s`)!);
  const [mdhd] = findBoxes("mdhd", rig.files.contents.get(`${stems[0]}-init.mp4`)!);
  const timescale = mdhd!.getUint32(mdhd!.getUint8(0) === 1 ? 20 : 12);
  assertEquals(time!.getBigUint64(4), BigInt(2 * timescale + 1));
  await rig.close();
});

Deno.test("Parts are removed with their segment", async () => {
  const rig = new HlsRig(LOW);
  const publisher = rig.publish();
  for (let segments = 1; segments <= 10; segments++) {
    publisher.send(2);
    if (segments > 1) await rig.untilSegments(segments - 1);
  }
  const stems = new Set(
    rig.files.paths.filter((path) => /-\d+\.m4s$/.test(path))
      .map((path) => path.replace(".m4s", "")),
  );
  const parts = rig.files.paths.filter((path) => path.includes(".part"));
  const strays = parts.filter((path) => !stems.has(path.replace(/\.part\d+\.m4s$/, "")));
  // Those of the segment that is being written.
  assert(strays.length <= 5 && stems.size < 8, `${strays.length} parts, ${stems.size} segments`);
  await rig.close();
});

Deno.test("Renditions report how far the others are", async () => {
  const rig = new HlsRig(`${LOW} hls_variant _720p _480p;`);
  for (const name of ["live/show_480p", "live/show_720p"]) rig.publish(name).send(5);
  await rig.untilSegments(2, "live/show_480p");
  await rig.untilSegments(2, "live/show_720p");
  const report = /^#EXT-X-RENDITION-REPORT:URI="show_480p\.m3u8",LAST-MSN=(\d+),LAST-PART=(\d+)$/m
    .exec(rig.playlist("live/show_720p"));
  const other = rig.playlist("live/show_480p");
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(other)![1]);
  const own = rig.entries("live/show_480p").length;
  assert(Math.abs(Number(report?.[1]) - first - own) <= 1, `${report?.[0]}\n${other}`);
  await rig.close();
});

Deno.test("After a failed write the segment is dropped as a whole, and the next one is complete", async () => {
  const files = new PlaylistFiles();
  const rig = new HlsRig(LOW, files);
  const publisher = rig.publish();
  publisher.send(3);
  await rig.untilSegments(1);
  files.fault = new Error("disk full");
  publisher.send(1);
  await rig.poll("the warning", () => rig.lines.length > 0);
  files.fault = null;
  publisher.send(6);
  await rig.untilSegments(3);
  assertEquals(rig.entries().slice(0, 3), ["0", "!1", "2"]);
  assertEquals(findFaults(files.of("live/show").slice(-8)), []);
  await rig.close();
});
