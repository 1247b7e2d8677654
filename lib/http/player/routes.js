/**
 * @typedef {"flv" | "ws" | "hls" | "native"} Route a way to play: HTTP-FLV, WebSocket-FLV, HLS by
 *   hls.js, HLS by the browser itself
 */

/** Codecs that FLV carries and mpegts.js understands. */
const FLV_VIDEO = new Set(["", "H.264", "HEVC", "AV1"]);
const FLV_AUDIO = new Set(["", "AAC", "MP3", "Opus", "AC-3", "E-AC-3", "FLAC"]);

/**
 * Returns the ways in which a browser can play a stream, the best one first, and what it cannot
 * play. Without access to the page.
 *
 * @param {{
 *   flv: string | null,
 *   hls: string | null,
 *   video: { codec: string, mime: string } | null,
 *   audio: { codec: string, mime: string } | null,
 * }} stream
 * @param {{
 *   takes: ((type: string) => boolean) | null,
 *   hasNativeHls: boolean,
 * }} browser `takes` says whether media source extensions play a type; null if there are none
 * @returns {{ routes: Route[], silent: string, unplayable: string }} `silent` is the audio codec
 *   that is left out, `unplayable` the codec for which there are no routes
 */
export function findRoutes(stream, { takes, hasNativeHls }) {
  const { flv, hls, video, audio } = stream;
  const plays = (kind, track) =>
    takes === null || track === null || track.mime === "" ||
    takes(`${kind}/mp4; codecs="${track.mime}"`);
  const hasVideo = plays("video", video);
  const hasAudio = plays("audio", audio);
  if (!hasVideo) return { routes: [], silent: "", unplayable: video?.codec ?? "" };
  if (!hasAudio && video === null) {
    return { routes: [], silent: "", unplayable: audio?.codec ?? "" };
  }
  /** @type {Route[]} */
  const routes = [];
  const isFlv = FLV_VIDEO.has(video?.codec ?? "") && FLV_AUDIO.has(audio?.codec ?? "");
  if (flv !== null && takes !== null && isFlv) routes.push("flv", "ws");
  if (hls !== null && takes !== null && hasAudio) routes.push("hls");
  if (hls !== null && hasNativeHls) routes.push("native");
  return { routes, silent: hasAudio ? "" : audio?.codec ?? "", unplayable: "" };
}

/** Failures of a route without a frame, after which the next one is tried. */
const MAX_FAILURES = 2;

/** Failures of a route by which the browser could not decode the stream. */
export const UNDECODABLE = Infinity;

/**
 * Returns the route to try next; undefined when all have failed. The browser gets what hls.js
 * cannot decode. What hls.js could not fetch it would not get either, and Chromium fails several
 * times in a row on a playlist of few segments, as there is when the server is back.
 *
 * @param {Route[]} routes the best one first
 * @param {Map<Route, number>} failures in a row, by route
 * @returns {Route | undefined}
 */
export function chooseRoute(routes, failures) {
  return routes.find((route) =>
    (failures.get(route) ?? 0) < MAX_FAILURES &&
    (route !== "native" || !routes.includes("hls") || failures.get("hls") === UNDECODABLE)
  );
}
