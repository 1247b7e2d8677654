/** Which protocol a browser uses: `player/routes.js`, which runs in the page. */

import { chooseRoute, findRoutes, UNDECODABLE } from "../../lib/http/player/routes.js";
import { assertEquals } from "../helpers/assert.ts";

const AVC = { codec: "H.264", mime: "avc1.64001f" };
const HEVC = { codec: "HEVC", mime: "hvc1.1.6.L93.B0" };
const AAC = { codec: "AAC", mime: "mp4a.40.2" };
const EAC3 = { codec: "E-AC-3", mime: "ec-3" };

const STREAM = { flv: "a/b.flv", hls: "a/b.m3u8", video: AVC, audio: AAC };
const CHROME = { takes: (type: string) => !/hvc1|ec-3/.test(type), hasNativeHls: false };
const OLD_PHONE = { takes: null, hasNativeHls: true };

Deno.test("FLV is preferred, and HLS follows where there is HLS", () => {
  assertEquals(findRoutes(STREAM, CHROME), {
    routes: ["flv", "ws", "hls"],
    silent: "",
    unplayable: "",
  });
  assertEquals(findRoutes({ ...STREAM, hls: null }, CHROME).routes, ["flv", "ws"]);
  assertEquals(findRoutes({ ...STREAM, flv: null }, CHROME).routes, ["hls"]);
});

Deno.test("A browser without media source extensions plays HLS by itself", () => {
  assertEquals(findRoutes(STREAM, OLD_PHONE).routes, ["native"]);
  assertEquals(findRoutes({ ...STREAM, hls: null }, OLD_PHONE).routes, []);
});

Deno.test("A codec that the browser does not play is named", () => {
  assertEquals(findRoutes({ ...STREAM, video: HEVC }, CHROME), {
    routes: [],
    silent: "",
    unplayable: "HEVC",
  });
  assertEquals(findRoutes({ ...STREAM, video: null, audio: EAC3 }, CHROME).unplayable, "E-AC-3");
});

Deno.test("Audio that the browser does not play is left out", () => {
  assertEquals(findRoutes({ ...STREAM, audio: EAC3 }, CHROME), {
    routes: ["flv", "ws"],
    silent: "E-AC-3",
    unplayable: "",
  });
});

Deno.test("A codec that FLV does not carry is played over HLS", () => {
  const vp9 = { codec: "VP9", mime: "vp09.00.31.08" };
  assertEquals(findRoutes({ ...STREAM, video: vp9 }, CHROME).routes, ["hls"]);
});

Deno.test("While nothing is known of a stream, every protocol is tried", () => {
  assertEquals(findRoutes({ ...STREAM, video: null, audio: null }, CHROME).routes, [
    "flv",
    "ws",
    "hls",
  ]);
});

Deno.test("HLS that cannot be fetched is not left to the browser, HLS that cannot be decoded is", () => {
  const routes: Parameters<typeof chooseRoute>[0] = ["flv", "ws", "hls", "native"];
  const chosen = (...failures: [(typeof routes)[number], number][]) =>
    chooseRoute(routes, new Map(failures));
  assertEquals(chosen(), "flv");
  assertEquals(chosen(["flv", 1]), "flv");
  assertEquals(chosen(["flv", 2], ["ws", 2]), "hls");
  assertEquals(chosen(["flv", 2], ["ws", 2], ["hls", 2]), undefined);
  const undecodable = [["flv", 2], ["ws", 2], ["hls", UNDECODABLE]] as const;
  assertEquals(chooseRoute(routes, new Map(undecodable)), "native");
  assertEquals(chooseRoute(routes, new Map([...undecodable, ["native", 2]])), undefined);
  // Where hls.js does not run, or if the viewer wants it so.
  assertEquals(chooseRoute(["native"], new Map()), "native");
});
