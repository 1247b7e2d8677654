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
      onUnsupported() {},
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

Deno.test("HlsService logs once that frames do not match their header, and continues", async () => {
  const rig = new HlsRig("hls_fragment 2; hls_window 60;");
  const publisher = rig.publish();
  // An AVC header cut short within its first parameter set.
  publisher.push(9, AVC_CONFIG.slice(0, 20));
  publisher.send(5);
  await rig.poll("a line", () => rig.lines.length > 0);
  publisher.push(9, AVC_CONFIG);
  publisher.send(5);
  await rig.poll("a segment", () => rig.entries().length > 0);
  assertEquals(rig.lines.length, 2, rig.lines.join("\n"));
  assert(rig.lines[0]!.startsWith("HLS segment dropped: muxing failed: "));
  assertEquals(rig.lines[1], "HLS writing resumed");
  await rig.close();
});
