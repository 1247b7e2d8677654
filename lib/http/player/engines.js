/** The ways to play a stream, each behind the same methods. */

/** Live with little delay: a player that lags plays slightly faster to catch up. */
const FLV_CONFIG = {
  enableStashBuffer: false,
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 60,
  autoCleanupMinBackwardDuration: 30,
  liveSync: true,
  liveSyncMaxLatency: 2,
  liveSyncTargetLatency: 0.9,
  liveSyncPlaybackRate: 1.1,
};

const HLS_CONFIG = {
  // A worker would need blob: in the page's content policy.
  enableWorker: false,
  lowLatencyMode: true,
  backBufferLength: 30,
  maxLiveSyncPlaybackRate: 1.1,
};

/** mpegts.js reports KiB/s. */
const KBPS_PER_KIB = 8.192;

/** @type {Map<string, Promise<any>>} */
const libraries = new Map();

/** Loads a script on first use: the libraries are larger than the rest of the page together. */
function load(file, name) {
  const loading = libraries.get(file) ?? loadScript(new URL(file, import.meta.url).href, name);
  libraries.set(file, loading);
  return loading;
}

async function loadScript(url, name) {
  const script = document.createElement("script");
  script.src = url;
  const { promise, resolve, reject } = Promise.withResolvers();
  script.addEventListener("load", resolve);
  script.addEventListener("error", () => reject(new Error(`Cannot load ${url}`)));
  document.head.append(script);
  try {
    await promise;
  } catch (error) {
    libraries.clear();
    throw error;
  }
  return globalThis[name];
}

/**
 * What an engine reports.
 *
 * @typedef {{
 *   onEnded: () => void,
 *   onFailed: (kind: "missing" | "refused" | "network" | "media" | "stale") => void,
 * }} EngineEvents `stale`: the playlist is that of an earlier show
 */

/** HTTP-FLV or WebSocket-FLV, by mpegts.js. */
export class FlvEngine {
  /** @type {any} */
  #player = null;
  #kbps = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {{ url: string, isSilent: boolean }} source
   * @param {EngineEvents} events
   */
  async start(video, { url, isSilent }, events) {
    const mpegts = await load("mpegts.js", "mpegts");
    mpegts.LoggingControl.enableAll = false;
    const source = { type: "flv", isLive: true, cors: true, url };
    const player = mpegts.createPlayer(
      isSilent ? { ...source, hasAudio: false } : source,
      FLV_CONFIG,
    );
    const { ERROR, LOADING_COMPLETE, STATISTICS_INFO } = mpegts.Events;
    player.on(ERROR, (type, detail, info) => events.onFailed(kindOf(type, detail, info)));
    player.on(LOADING_COMPLETE, () => events.onEnded());
    player.on(STATISTICS_INFO, ({ speed }) => {
      this.#kbps = speed * KBPS_PER_KIB;
    });
    this.#player = player;
    player.attachMediaElement(video);
    player.load();
  }

  stop() {
    this.#player?.destroy();
    this.#player = null;
  }

  /** Rate of the download in kbit/s. */
  get kbps() {
    return this.#kbps;
  }

  /** Seconds behind the newest frame; null if not known. @param {HTMLVideoElement} video */
  latencyOf({ buffered, currentTime }) {
    return buffered.length === 0 ? null : buffered.end(buffered.length - 1) - currentTime;
  }
}

function kindOf(type, detail, info) {
  if (type === "MediaError") return "media";
  if (detail !== "HttpStatusCodeInvalid") return "network";
  if (info.code === 404) return "missing";
  return info.code === 403 ? "refused" : "network";
}

/** HLS, by hls.js. */
export class HlsEngine {
  /** @type {any} */
  #hls = null;
  #kbps = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {{ url: string }} source
   * @param {EngineEvents} events
   */
  async start(video, { url }, events) {
    const Hls = await load("hls.js", "Hls");
    const hls = new Hls(HLS_CONFIG);
    this.#hls = hls;
    let mediaErrors = 0;
    hls.on(Hls.Events.ERROR, (_, { fatal, type, response }) => {
      if (!fatal) return;
      // A change of the encoder's settings may need one more attempt.
      if (type === Hls.ErrorTypes.MEDIA_ERROR && mediaErrors++ === 0) {
        return hls.recoverMediaError();
      }
      if (type === Hls.ErrorTypes.MEDIA_ERROR) return events.onFailed("media");
      const { code } = response ?? { code: 0 };
      events.onFailed(code === 404 ? "missing" : code === 403 ? "refused" : "network");
    });
    hls.once(Hls.Events.LEVEL_LOADED, (_, { details }) => {
      if (!details.live) events.onFailed("stale");
    });
    hls.on(Hls.Events.FRAG_BUFFERED, (_, { stats }) => {
      const ms = stats.loading.end - stats.loading.start;
      if (ms > 0) this.#kbps = stats.total * 8 / ms;
    });
    hls.on(Hls.Events.BUFFER_EOS, () => {
      video.addEventListener("ended", () => events.onEnded(), { once: true });
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  }

  stop() {
    this.#hls?.destroy();
    this.#hls = null;
  }

  get kbps() {
    return this.#kbps;
  }

  latencyOf() {
    return this.#hls?.latency > 0 ? this.#hls.latency : null;
  }
}

/** HLS, by the browser itself. */
export class NativeEngine {
  #abort = new AbortController();
  /** @type {HTMLVideoElement | null} */
  #video = null;

  /**
   * @param {HTMLVideoElement} video
   * @param {{ url: string }} source
   * @param {EngineEvents} events
   */
  start(video, { url }, events) {
    const { signal } = this.#abort;
    video.addEventListener("ended", () => events.onEnded(), { signal });
    video.addEventListener("loadedmetadata", () => {
      if (video.duration !== Infinity) events.onFailed("stale");
    }, { signal });
    video.addEventListener("error", () => {
      const isMedia = video.error?.code === MediaError.MEDIA_ERR_DECODE;
      events.onFailed(isMedia ? "media" : "network");
    }, { signal });
    video.src = url;
    this.#video = video;
  }

  stop() {
    this.#abort.abort();
    this.#video?.removeAttribute("src");
    this.#video?.load();
  }

  get kbps() {
    return 0;
  }

  latencyOf({ seekable, currentTime }) {
    return seekable.length === 0 ? null : seekable.end(seekable.length - 1) - currentTime;
  }
}
