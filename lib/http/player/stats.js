import { byId, create, setText } from "../pages/dom.js";

const PERIOD_MS = 1000;

const PROTOCOLS = { flv: "HTTP-FLV", ws: "WebSocket-FLV", hls: "HLS", native: "HLS (browser)" };

const NAMES = [
  "Protocol",
  "Video",
  "Audio",
  "Frames",
  "Rate",
  "Behind live",
  "Buffer",
  "Reconnects",
];

/** The overlay with figures, and the latency in the bar. */
export class Stats {
  #video;
  #session;
  #list = byId("stats");
  #values = NAMES.map((name) => {
    const value = create("dd", "", "–");
    byId("stats").append(create("div", "", create("dt", "", name), value));
    return value;
  });
  /** @type {any} */
  #stream = null;
  #frames = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {import("./session.js").Session} session
   */
  constructor(video, session) {
    this.#video = video;
    this.#session = session;
  }

  start() {
    setInterval(() => this.#refresh(), PERIOD_MS);
  }

  /** @param {any} stream as the server describes it */
  describe(stream) {
    this.#stream = stream;
  }

  /** @returns {boolean} whether it is shown now */
  toggle() {
    this.#list.hidden = !this.#list.hidden;
    this.#refresh();
    return !this.#list.hidden;
  }

  #refresh() {
    const { latency } = this.#session;
    setText(byId("latency"), latency === null ? "" : ` −${latency.toFixed(1)} s`);
    byId("live").classList.toggle("behind", latency !== null && latency > 5);
    const { totalVideoFrames, droppedVideoFrames } = this.#video.getVideoPlaybackQuality();
    const perSecond = Math.max(0, totalVideoFrames - this.#frames);
    this.#frames = totalVideoFrames;
    if (this.#list.hidden) return;
    const { videoWidth, videoHeight, buffered, currentTime } = this.#video;
    const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime;
    const { route, kbps, silent, reconnects } = this.#session;
    const { video, audio } = this.#stream ?? { video: null, audio: null };
    const size = videoWidth > 0 ? `${videoWidth}×${videoHeight}` : "";
    const texts = [
      PROTOCOLS[route ?? ""] ?? "–",
      [video?.codec ?? "", size].filter(Boolean).join(" ") || "–",
      silent === "" ? audio?.codec || "–" : `${silent}, not supported`,
      `${perSecond}/s, ${droppedVideoFrames} dropped`,
      kbps > 0 ? `${Math.round(kbps).toLocaleString("en")} kbit/s` : "–",
      latency === null ? "–" : `${latency.toFixed(2)} s`,
      `${(end - currentTime).toFixed(2)} s`,
      String(reconnects),
    ];
    for (const [at, value] of this.#values.entries()) setText(value, texts[at]);
  }
}
