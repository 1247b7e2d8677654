import { assert, assertEquals } from "../helpers/assert.ts";
import { DvrRig } from "./rig.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

Deno.test("DvrService records a stream from publish to unpublish in one file", async () => {
  const rig = new DvrRig();
  const publisher = rig.publish();
  publisher.send(1);
  await rig.write();
  assertEquals(rig.disk.paths, ["rec/live/show.1700000000000.flv.tmp"]);
  publisher.send(2);
  publisher.handle.end("unpublished");
  const [path] = await rig.untilRecorded(1);
  assertEquals(path, "rec/live/show.1700000000000.flv");
  assertEquals(rig.disk.paths, [path!]);
  assertEquals(rig.frames(path!), range(0, 30));
  assert(rig.summary(path!).startsWith("d V0 A0 v0 a0 v100 a100 v200 "), rig.summary(path!));
  await rig.write();
  assertEquals([...rig.hub.streams()], []);
  assertEquals(rig.service.totalsOf("v"), {
    active: 0,
    writtenBytes: rig.disk.bytesOf(path!).length,
    failures: 0,
  });
  await rig.close();
});

Deno.test("DvrService writes what it has every half second, complete tags only", async () => {
  const rig = new DvrRig();
  const publisher = rig.publish();
  for (let second = 1; second <= 3; second++) {
    publisher.send(1);
    await rig.write();
    assertEquals(rig.frames("rec/live/show.1700000000000.flv.tmp"), range(0, second * 10));
  }
  assertEquals(rig.service.reportOf(rig.hub.open("live/show"))?.durationMs, 2900);
  await rig.close();
});

Deno.test("DvrService continues the file when the publisher returns within its grace", async () => {
  const rig = new DvrRig();
  const first = rig.publish();
  first.send(1.5);
  first.handle.end("away");
  await rig.write();
  const second = rig.publish("live/show", { firstMs: 9000, firstId: 20 });
  second.send(1);
  second.handle.end("unpublished");
  const paths = await rig.untilRecorded(1);
  assertEquals(paths.length, 1);
  assertEquals(rig.frames(paths[0]!), [...range(0, 15), ...range(20, 30)]);
  const times = rig.tags(paths[0]!).map(({ timestampMs }) => timestampMs);
  assertEquals(times, times.toSorted((one, other) => one - other));
  await rig.close();
});

Deno.test("DvrService ends the file when the grace is over", async () => {
  const rig = new DvrRig();
  const publisher = rig.publish();
  publisher.send(1);
  publisher.handle.end("away");
  rig.hub.open("live/show").unpublish();
  assertEquals((await rig.untilRecorded(1)).length, 1);
  await rig.close();
});

Deno.test("DvrService begins another file for the next publish, even if the last one is unread", async () => {
  const rig = new DvrRig();
  const first = rig.publish();
  first.send(1);
  first.handle.end("unpublished");
  rig.publish("live/show", { firstId: 50 }).send(1);
  await rig.untilRecorded(1);
  await rig.close();
  assertEquals(rig.recorded.map(({ path }) => path), [
    "rec/live/show.1700000000000.flv",
    // The same millisecond.
    "rec/live/show.1700000000000-2.flv",
  ]);
  assertEquals(rig.frames(rig.recorded[1]!.path), range(50, 60));
});

Deno.test("DvrService cuts segments at keyframes, each with headers and from time 0", async () => {
  const rig = new DvrRig("dvr_plan segment; dvr_duration 2; dvr_path rec/[stream]-[15][04].flv;");
  const publisher = rig.publish();
  publisher.send(4.5);
  publisher.handle.end("unpublished");
  const paths = await rig.untilRecorded(3);
  assertEquals(paths, ["rec/show-2213.flv", "rec/show-2213-2.flv", "rec/show-2213-3.flv"]);
  assertEquals(paths.map((path) => rig.frames(path)), [range(0, 20), range(20, 40), range(40, 45)]);
  for (const path of paths) assert(/^d [VA]0 [VA]0 v0 a0 v100 /.test(rig.summary(path)), path);
  await rig.close();
});

Deno.test("DvrService cuts at any frame with dvr_wait_keyframe off, and without video", async () => {
  for (const tracks of ["both", "audio"] as const) {
    const wait = tracks === "both" ? "dvr_wait_keyframe off;" : "";
    const rig = new DvrRig(`dvr_plan segment; dvr_duration 1500ms; ${wait}`);
    rig.publish().send(4, tracks);
    await rig.poll("two files", () => rig.recorded.length >= 2);
    assertEquals(rig.summary(rig.recorded[0]!.path).endsWith("a1400"), true);
    await rig.close();
  }
});

Deno.test("DvrService drops video before the first keyframe, as SRS does", async () => {
  const rig = new DvrRig();
  const publisher = rig.publish("live/show", { firstId: 7 });
  publisher.send(1);
  publisher.handle.end("unpublished");
  const [path] = await rig.untilRecorded(1);
  assertEquals(rig.frames(path!), range(10, 17));
  assertEquals(rig.tags(path!).filter(({ typeId }) => typeId === 8).length, 11);
  await rig.close();
});

Deno.test("DvrService keeps stream time with time_jitter off", async () => {
  const rig = new DvrRig("dvr_plan segment; dvr_duration 1; time_jitter off;");
  const publisher = rig.publish();
  publisher.send(2);
  publisher.handle.end("unpublished");
  const [, path] = await rig.untilRecorded(2);
  assert(rig.summary(path!).startsWith("d V1000 A1000 v1000 a1000 v1100"), rig.summary(path!));
  await rig.close();
});

Deno.test("DvrService records only the streams of dvr_apply", async () => {
  const rig = new DvrRig("dvr_apply live/one live/two;");
  for (const name of ["live/one", "live/other"]) rig.publish(name).send(1);
  await rig.write();
  assertEquals(rig.disk.paths, ["rec/live/one.1700000000000.flv.tmp"]);
  await rig.close();
});

Deno.test("DvrService begins and ends recordings of live streams when settings change", async () => {
  const rig = new DvrRig("dvr_apply live/other;");
  const publisher = rig.publish();
  publisher.send(2.5);
  rig.configure("");
  await rig.write();
  publisher.send(1);
  await rig.write();
  rig.configure("dvr_apply live/other;");
  const [path] = await rig.untilRecorded(1);
  // From the newest keyframe.
  assertEquals(rig.frames(path!), range(20, 35));
  await rig.close();
});

Deno.test("DvrService uses a new dvr_path from the next file on", async () => {
  const rig = new DvrRig("dvr_plan segment; dvr_duration 1;");
  const publisher = rig.publish();
  publisher.send(0.5);
  await rig.write();
  rig.configure("dvr_path other/[stream].flv;");
  publisher.send(1);
  await rig.write();
  await rig.close();
  assertEquals(rig.recorded.map(({ path }) => path), [
    "rec/live/show.1700000000000.flv",
    "other/show.flv",
  ]);
});

Deno.test("DvrService overwrites no file, complete or not", async () => {
  const rig = new DvrRig("dvr_path rec/[stream].flv;");
  rig.disk.occupy("rec/show.flv");
  rig.disk.occupy("rec/show-2.flv.tmp");
  const publisher = rig.publish();
  publisher.send(1);
  await rig.write();
  assertEquals(rig.disk.paths.at(-1), "rec/show.flv");
  rig.disk.occupy("rec/show-3.flv");
  publisher.handle.end("unpublished");
  assertEquals(await rig.untilRecorded(1), ["rec/show-4.flv"]);
  await rig.close();
});

const HOSTILE = [
  "live/..",
  "../../x",
  "live/.hidden",
  "live/a\0b",
  "a/../../b",
  "live/%2e%2e",
  "~/x",
];

Deno.test("DvrService writes below dvr_path for every name of a stream", async () => {
  for (const name of HOSTILE) {
    const rig = new DvrRig("dvr_path rec/[vhost]/[app]/[stream].flv;");
    rig.publish(name).send(1);
    await rig.write();
    const [path = ""] = rig.disk.paths;
    assert(/^rec\/v\/(?:[^./\0][^/\0]*\/)*[^./\0][^/\0]*\.flv\.tmp$/.test(path), `${name} ${path}`);
    await rig.close();
  }
});

Deno.test("DvrService records no stream whose name is too long for a file, and says so once", async () => {
  const rig = new DvrRig();
  rig.publish(`live/${"x".repeat(300)}`).send(2);
  await rig.write();
  rig.publish("live/other").send(1);
  await rig.write();
  assertEquals(rig.lines.length, 1);
  assertEquals(rig.disk.paths, ["rec/live/other.1700000000000.flv.tmp"]);
  await rig.close();
});

Deno.test("DvrService keeps what fits on a full disk, and tries again with the next publish", async () => {
  const rig = new DvrRig();
  const first = rig.publish();
  first.send(1);
  await rig.write();
  rig.disk.room = 300;
  first.send(1);
  const [path] = await rig.untilRecorded(1);
  assertEquals(rig.frames(path!), range(0, 10));
  first.send(3);
  await rig.write();
  assertEquals(rig.lines, [
    "Recording failed: No space left on device (os error 28): check space and rights of the " +
    "disk, for MP4 the encoder; the next file tries again",
  ]);
  first.handle.end("unpublished");
  await rig.write();
  rig.disk.room = Infinity;
  const second = rig.publish("live/show", { firstId: 100 });
  second.send(1);
  second.handle.end("unpublished");
  const paths = await rig.untilRecorded(2);
  assertEquals(rig.frames(paths[1]!), range(100, 110));
  assertEquals(rig.service.totalsOf("v").failures, 1);
  await rig.close();
});

Deno.test("DvrService tries again with the next segment after a failure", async () => {
  const rig = new DvrRig("dvr_plan segment; dvr_duration 2;");
  rig.disk.fault = new Error("Permission denied (os error 13)");
  const publisher = rig.publish();
  publisher.send(1);
  await rig.write();
  rig.disk.fault = null;
  publisher.send(3);
  await rig.write();
  await rig.close();
  const [path] = rig.recorded.map(({ path }) => path);
  assertEquals(rig.frames(path!), range(20, 40));
  assertEquals(rig.lines.length, 1);
});

Deno.test("DvrService leaves out what a slow disk misses, and continues at a keyframe", async () => {
  const rig = new DvrRig();
  const publisher = rig.publish();
  publisher.send(1);
  await rig.write();
  const { promise, resolve } = Promise.withResolvers<void>();
  rig.disk.gate = promise;
  publisher.send(1);
  await rig.write();
  publisher.frameBytes = 5000;
  // More than queue_length.
  for (let second = 0; second < 60; second++) publisher.send(1);
  await rig.write();
  rig.disk.gate = null;
  resolve();
  await rig.write();
  publisher.send(1);
  publisher.handle.end("unpublished");
  const [path] = await rig.untilRecorded(1);
  const frames = rig.frames(path!);
  assertEquals(frames.slice(0, 20), range(0, 20));
  assertEquals(frames[20]! % 10, 0);
  assertEquals(frames.at(-1), 629);
  assert(frames.length < 400, `${frames.length}`);
  assertEquals(rig.lines, [
    "Recording skipped a part: disk too slow: set dvr_path to a folder on a faster disk",
  ]);
  await rig.close();
});

Deno.test("DvrService completes the recordings of a vhost that is removed", async () => {
  const rig = new DvrRig();
  rig.publish().send(1);
  await rig.write();
  rig.service.release({ config: rig.vhost.config });
  await rig.write();
  assertEquals(rig.recorded, [], "another vhost");
  rig.service.release(rig.vhost);
  await rig.untilRecorded(1);
  await rig.close();
});

Deno.test("DvrService stops in time when the disk hangs", async () => {
  const rig = new DvrRig();
  rig.publish().send(1);
  rig.disk.gate = new Promise(() => {});
  await rig.write();
  let isClosed = false;
  void rig.service.close().then(() => isClosed = true);
  await rig.clock.advance(4900);
  assertEquals(isClosed, false);
  await rig.clock.advance(200);
  assertEquals(isClosed, true);
});
