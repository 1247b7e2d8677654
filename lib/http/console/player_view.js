import { byId, create, setText } from "../pages/dom.js";
import { count, rate } from "./format.js";
import { setName } from "./widgets.js";

const FACTS_PERIOD_MS = 1000;

/** mpegts.js reports KiB/s. */
const KBPS_PER_KIB = 8.192;

/** Live with little delay: a player that lags plays slightly faster to catch up. */
const PLAYER_CONFIG = {
  enableStashBuffer: false,
  autoCleanupSourceBuffer: true,
  liveSync: true,
  liveSyncMaxLatency: 2.5,
  liveSyncTargetLatency: 1.2,
};

/** @type {Promise<any> | undefined} */
let library;

/** Plays one stream at a time, over HTTP-FLV. */
export class PlayerView {
  #section = byId("player");
  /** @type {HTMLVideoElement} */
  #video = byId("video");
  #note = byId("player-note");
  #close = byId("player-close");
  #facts = createFacts(byId("player-facts"));
  /** @type {any} */
  #player = null;
  /** @type {number | null} */
  #kbps = null;
  /**
   * Refreshes the facts while a stream plays.
   *
   * @type {ReturnType<typeof setInterval> | undefined}
   */
  #factsTimer;

  constructor() {
    this.#close.addEventListener("click", () => this.close());
  }

  /**
   * Plays a stream instead of the current one.
   *
   * @param {string} url
   * @param {string} name
   */
  async watch(url, name) {
    this.close();
    setName(byId("player-name"), name);
    this.#showNote("Loading");
    this.#close.hidden = false;
    this.#section.classList.add("used");
    this.#section.focus({ preventScroll: true });
    this.#section.scrollIntoView({ block: "nearest" });
    const mpegts = await (library ??= loadLibrary());
    // Another stream may have been chosen, or this one closed, meanwhile.
    if (byId("player-name").textContent !== name || this.#player !== null) return;
    if (!mpegts.isSupported()) return this.#showNote("This browser cannot play live streams.");
    this.#start(mpegts, url);
  }

  /** Stops playing. */
  close() {
    this.#stop();
    this.#close.hidden = true;
    setName(byId("player-name"), "");
    this.#showNote("Click Watch on a stream to play it.");
  }

  #start(mpegts, url) {
    const player = mpegts.createPlayer(
      { type: "flv", isLive: true, cors: true, url },
      PLAYER_CONFIG,
    );
    const { ERROR, LOADING_COMPLETE, STATISTICS_INFO } = mpegts.Events;
    player.on(ERROR, (type, detail, info) => this.#end(player, describeError(type, detail, info)));
    player.on(LOADING_COMPLETE, () => this.#end(player, "The server ended the stream."));
    player.on(STATISTICS_INFO, ({ speed }) => {
      this.#kbps = speed * KBPS_PER_KIB;
    });
    this.#player = player;
    this.#factsTimer = setInterval(() => this.#showFacts(), FACTS_PERIOD_MS);
    this.#showNote("Waiting for the stream");
    this.#video.addEventListener("loadeddata", () => this.#showNote(""), { once: true });
    player.attachMediaElement(this.#video);
    player.load();
    // Rejects only if the player is closed before its first frame.
    player.play().catch(() => {});
  }

  #end(player, reason) {
    if (player !== this.#player) return;
    // Deferred, because the player must not be destroyed inside its own event.
    queueMicrotask(() => {
      if (player !== this.#player) return;
      this.#stop();
      this.#showNote(reason);
    });
  }

  #stop() {
    const player = this.#player;
    this.#player = null;
    clearInterval(this.#factsTimer);
    this.#kbps = null;
    this.#video.hidden = true;
    player?.destroy();
    this.#showFacts();
  }

  /** Shows a note over the video, or instead of it; an empty text hides it. @param {string} text */
  #showNote(text) {
    setText(this.#note, text);
    this.#note.hidden = text === "";
    this.#video.hidden = this.#player === null;
  }

  #showFacts() {
    const isPlaying = this.#player !== null;
    this.#section.classList.toggle("playing", isPlaying);
    if (!isPlaying) return this.#facts.show(null);
    const { videoWidth, videoHeight, currentTime, buffered } = this.#video;
    const { totalVideoFrames, droppedVideoFrames } = this.#video.getVideoPlaybackQuality();
    const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : currentTime;
    this.#facts.show([
      videoWidth > 0 ? `${videoWidth}×${videoHeight}` : "–",
      count(totalVideoFrames),
      count(droppedVideoFrames),
      `${currentTime.toFixed(1)} s`,
      `${(end - currentTime).toFixed(1)} s`,
      rate(this.#kbps),
    ]);
  }
}

/** @param {HTMLElement} parent a definition list */
function createFacts(parent) {
  const values = ["Resolution", "Frames", "Dropped", "Time", "Buffer", "Rate"].map((name) => {
    const value = create("dd", "", "–");
    parent.append(create("div", "", create("dt", "", name), value));
    return value;
  });
  return {
    /** @param {string[] | null} texts */
    show(texts) {
      for (const [at, value] of values.entries()) setText(value, texts?.[at] ?? "–");
    },
  };
}

/** Loads mpegts.js on first use: it is larger than the rest of the page together. */
async function loadLibrary() {
  const script = document.createElement("script");
  script.src = "mpegts.js";
  const { promise, resolve, reject } = Promise.withResolvers();
  script.addEventListener("load", resolve);
  script.addEventListener("error", reject);
  document.head.append(script);
  await promise;
  globalThis.mpegts.LoggingControl.enableAll = false;
  return globalThis.mpegts;
}

function describeError(type, detail, info) {
  if (detail === "HttpStatusCodeInvalid") return `The server answered with status ${info.code}.`;
  if (type === "MediaError") return "This browser cannot play this stream's codec.";
  return "Cannot reach the stream.";
}
