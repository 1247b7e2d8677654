/** With any input from peers and files, nothing throws and no path leaves its folder. */

import fc from "fast-check";
import { fillStream, pathOfUri, relativeUri, streamNames } from "../../lib/hls/file_names.ts";
import { parsePlaylist } from "../../lib/hls/playlist.ts";
import { Segmenter } from "../../lib/hls/segmenter.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { AVC_CONFIG, HlsRig } from "./rig.ts";

const RULES = {
  fragmentMs: 2000,
  targetDurationRatio: 1,
  audioOverflowRatio: 2,
  waitKeyframe: true,
  isLowLatency: true,
} as const;

/** Valid first bytes, so that payloads get past the first check. */
const HEADS = ["", "17 00 000000", "17 01", "27 01", "AF 00", "AF 01", "90 61763031", "91 68766331"]
  .concat(["90 4F707573", "91 4F707573", "2F", "90 664C6143", "02 000A 6F6E4D65746144617461"]);

const payloads = fc.tuple(fc.constantFrom(...HEADS), fc.uint8Array({ maxLength: 40 }))
  .map(([head, body]) => new Uint8Array([...hex(head), ...body]));

const messages = fc.array(
  fc.tuple(fc.constantFrom(8, 9, 18, 20), fc.integer({ min: 0, max: 0xffffffff }), payloads),
  { maxLength: 40 },
);

Deno.test("Segmenter accepts any messages", () => {
  fc.assert(fc.property(messages, (list) => {
    const segmenter = new Segmenter(RULES, {
      onSegment({ packets, durationMs }) {
        assert(packets.length > 0 && durationMs > 0);
      },
      onPart({ packets, durationMs }) {
        assert(packets.length > 0 && durationMs > 0);
      },
      onTracks() {},
      onOmitted() {},
      onLongGop() {},
      onTimeStands() {},
    });
    for (const [typeId, timestampMs, payload] of list) {
      segmenter.push(typeId, timestampMs, payload);
    }
    segmenter.breakOff();
  }));
});

const names = fc.string({ unit: fc.constantFrom(..."ab./\\\0%[] ~\n直") });

Deno.test("streamNames() returns only names that stay in the folder", () => {
  fc.assert(fc.property(names, (name) => {
    const safe = streamNames("v", name);
    if (safe === null) return;
    const playlist = fillStream("[app]/[stream].m3u8", safe);
    const parts = playlist.split("/");
    assert(parts.every((part) => part !== "" && !part.startsWith(".")), playlist);
    assert(!/[\\\0\n]/.test(playlist), playlist);
    const segment = fillStream("x/[app]/[stream]-7.ts", safe);
    assertEquals(pathOfUri(playlist, relativeUri(playlist, segment)), segment);
  }));
});

Deno.test("pathOfUri() returns only paths that stay in the folder", () => {
  const uris = fc.array(fc.constantFrom("..", ".", "a", "", "%2e%2e", "%2f", "%00"))
    .map((parts) => parts.join("/"));
  fc.assert(fc.property(uris, (uri) => {
    const path = pathOfUri("live/show.m3u8", uri);
    assert(path === null || !path.startsWith("/") && !path.includes("\0"), path ?? "");
    assert(path === null || !path.split("/").includes(".."), path ?? "");
  }));
});

Deno.test("parsePlaylist() accepts any text", () => {
  const lines = fc.constantFrom(
    ...["#EXTM3U", "#EXT-X-MEDIA-SEQUENCE:1", "#EXT-X-TARGETDURATION:2", "#EXTINF:2.0,", "a.ts"],
    ...["#EXT-X-DISCONTINUITY", '#EXT-X-MAP:URI="i.mp4"', "#EXTINF:x,", "", "\0"],
  );
  fc.assert(fc.property(fc.array(lines), (list) => {
    const state = parsePlaylist(list.join("\n"));
    assert(state === null || state.entries.every(({ uri }) => uri !== ""));
  }));
});

Deno.test("HlsService logs a damaged sequence header once, and continues with the one before", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const publisher = rig.publish();
  // An AVC header cut short within its first parameter set.
  publisher.push(9, AVC_CONFIG.slice(0, 20));
  publisher.send(5);
  await rig.untilSegments(2);
  assertEquals(rig.lines, [
    "HLS omits H.264: its sequence header is damaged: check the encoder",
  ]);
  assertEquals(rig.entries(), ["0", "1"]);
  await rig.close();
});

Deno.test("HlsService logs once that AAC frames are too long for ADTS, and omits them", async () => {
  const rig = new HlsRig();
  const publisher = rig.publish();
  const long = new Uint8Array(8188);
  long.set(hex("AF01"));
  publisher.push(8, long);
  publisher.push(8, long);
  publisher.send(3);
  await rig.untilSegments(1);
  assertEquals(rig.lines, [
    "HLS omits an AAC frame: it is longer than the 8184 bytes that ADTS permits: " +
    "check the encoder, or set hls_use_fmp4 on",
  ]);
  await rig.close();
});
