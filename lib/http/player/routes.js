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
