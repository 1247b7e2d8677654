import { FlvEngine, HlsEngine, NativeEngine } from "./engines.js";
import { chooseRoute, findRoutes, UNDECODABLE } from "./routes.js";

/** How often the server is asked about a stream that is not live. */
const WAIT_MS = 2000;

/** Pauses before the server is asked again after a failure. */
const RETRY_MS = [250, 500, 1000, 2000, 3000];

/** How often an old playlist is looked at again. */
const STALE_MS = 500;

/** A stream that stands still for this long is opened again. */
const STALL_MS = 8000;

/**
 * What the page shows.
 *
 * @typedef {{ type: "loading" | "waiting" | "ended" | "reconnecting" | "playing" }
 *   | { type: "unserved" | "unnamed" }
 *   | { type: "refused", reason: string }
 *   | { type: "unplayable", codec: string }} View
 */

/**
 * Plays one stream for as long as the page is open.
 *
 * ```
 *             live                first frame
 *  asking ──────────▶ starting ──────────────▶ playing
 *    ▲  │ not live       │ failed                │ ended, failed, stalled
 *    │  ▼                ▼                       ▼
 *    └─ pause ◀──────────┴───────────────────────┘
 *
 *  asking ──▶ stopped: refused, no browser protocol, codec not supported
 * ```
 */
export class Session {
  #video;
  #options;
  /** @type {FlvEngine | HlsEngine | NativeEngine | null} */
  #engine = null;
  /** @type {import("./routes.js").Route | null} */
  #route = null;
  /** @type {any} */
  #stream = null;
  #silent = "";
  /** Counts starts: what an earlier one reports is ignored. */
  #run = 0;
  #retries = 0;
  #reconnects = 0;
  #hasPlayed = false;
  /** Whether the server ended the stream, rather than the connection. */
  #hasEnded = false;
  /** Failures without a frame, by protocol. */
  #failures = new Map();
  #lastTime = 0;
  #lastMoveMs = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLVideoElement} video
   * @param {{
   *   stateUrl: string,
   *   mediaUrl: (path: string) => string,
   *   onlyRoute: import("./routes.js").Route | "",
   *   onView: (view: View) => void,
   *   onStream: (stream: any) => void,
   *   onStopping: () => void,
   *   onReady: () => void,
   * }} options `onStopping` is called while the last frame is
   *   still shown, `onReady` when playing may be asked for
   */
  constructor(video, options) {
    this.#video = video;
    this.#options = options;
  }

  /** The protocol in use; null while there is none. */
  get route() {
    return this.#route;
  }

  /** The audio codec that is left out because the browser cannot play it; or empty. */
  get silent() {
    return this.#silent;
  }

  /** How often the stream was opened again. */
  get reconnects() {
    return this.#reconnects;
  }

  get kbps() {
    return this.#engine?.kbps ?? 0;
  }

  /** Seconds behind the newest frame; null if not known. */
  get latency() {
    return this.#engine?.latencyOf(this.#video) ?? null;
  }

  start() {
    this.#video.addEventListener("playing", () => this.#onPlaying());
    setInterval(() => this.#checkStall(), 1000);
    void this.#ask();
  }

  /** Begins again, after a refusal for example. */
  retry() {
    this.#failures.clear();
    this.#stop();
    this.#show({ type: "loading" });
    void this.#ask();
  }

  async #ask() {
    const run = ++this.#run;
    const stream = await askServer(this.#options.stateUrl);
    if (run !== this.#run) return;
    if (stream === null) {
      // The server was stopped, not the stream.
      this.#hasEnded = false;
      return this.#retryAfter("reconnecting");
    }
    this.#stream = stream;
    switch (stream.state) {
      case "refused":
        return this.#show({ type: "refused", reason: stream.reason });
      case "unserved":
      case "unnamed":
        return this.#show({ type: stream.state });
      case "offline":
        this.#show({ type: this.#hasPlayed ? "ended" : "waiting" });
        return this.#askAfter(WAIT_MS);
      default:
        this.#options.onStream(stream);
        return this.#open();
    }
  }

  #open() {
    const { onlyRoute } = this.#options;
    const found = findRoutes(this.#stream, browser(this.#video));
    const routes = onlyRoute === ""
      ? found.routes
      : found.routes.filter((route) => route === onlyRoute);
    const [first] = routes;
    if (first === undefined) return this.#showUnplayable(found.unplayable);
    const route = chooseRoute(routes, this.#failures);
    if (route === undefined) {
      // All protocols failed: the network is at fault, or the encoder.
      this.#failures.clear();
      return this.#retryAfter("reconnecting");
    }
    this.#silent = found.silent;
    void this.#play(route);
  }

  /** @param {import("./routes.js").Route} route */
  async #play(route) {
    const run = ++this.#run;
    this.#route = route;
    this.#lastMoveMs = performance.now();
    const isLive = this.#stream.state === "live";
    if (!this.#hasPlayed) this.#show({ type: isLive ? "loading" : "waiting" });
    // An edge does not know: what is shown stays until it has asked its origins.
    else if (this.#hasEnded && isLive) this.#show({ type: "loading" });
    const isFlv = route === "flv" || route === "ws";
    const engine = isFlv ? new FlvEngine() : route === "hls" ? new HlsEngine() : new NativeEngine();
    this.#engine = engine;
    const url = this.#options.mediaUrl(isFlv ? this.#stream.flv : this.#stream.hls);
    const source = {
      url: route === "ws" ? url.replace(/^http/, "ws") : url,
      isSilent: this.#silent !== "",
    };
    // Deferred, because an engine must not be stopped inside its own event.
    const defer = (act) => queueMicrotask(() => run === this.#run && act());
    try {
      await engine.start(this.#video, source, {
        onEnded: () => defer(() => this.#onEnded()),
        onFailed: (kind) => defer(() => this.#onFailed(kind)),
      });
    } catch {
      defer(() => this.#onFailed("network"));
    }
    if (run !== this.#run) return engine.stop();
    this.#options.onReady();
  }

  #onPlaying() {
    if (this.#engine === null) return;
    this.#hasPlayed = true;
    this.#hasEnded = false;
    this.#retries = 0;
    this.#failures.delete(this.#route);
    this.#lastMoveMs = performance.now();
    this.#show({ type: "playing" });
    void this.#describe();
  }

  /** An edge knows a stream's codecs once it has the stream. */
  async #describe() {
    const isKnown = this.#stream.video !== null || this.#stream.audio !== null;
    const run = this.#run;
    const stream = isKnown ? this.#stream : await askServer(this.#options.stateUrl);
    if (run !== this.#run || stream?.state !== "live") return;
    this.#stream = stream;
    this.#options.onStream(stream);
  }

  #onEnded() {
    this.#stop();
    this.#hasEnded = this.#hasPlayed;
    // A server that stops ends its streams, too: ask before the end is shown.
    this.#askAfter(RETRY_MS[0]);
  }

  /** @param {"missing" | "refused" | "network" | "media" | "stale"} kind */
  #onFailed(kind) {
    const route = this.#route;
    this.#stop();
    switch (kind) {
      case "missing":
        this.#show({ type: this.#hasPlayed ? "ended" : "waiting" });
        return this.#askAfter(WAIT_MS);
      case "refused":
        return this.#show({ type: "refused", reason: "" });
      case "stale":
        // The new playlist follows with its first segment.
        return this.#askAfter(STALE_MS);
      case "media":
        this.#failures.set(route, UNDECODABLE);
        return this.#nextRoute();
      default:
        this.#failures.set(route, (this.#failures.get(route) ?? 0) + 1);
        return this.#retryAfter(this.#hasPlayed ? "reconnecting" : "loading");
    }
  }

  #nextRoute() {
    const { routes } = findRoutes(this.#stream, browser(this.#video));
    if (chooseRoute(routes, this.#failures) !== undefined) return this.#retryAfter("loading");
    this.#showUnplayable(this.#stream.video?.codec ?? this.#stream.audio?.codec ?? "");
  }

  /** @param {string} codec */
  #showUnplayable(codec) {
    this.#show({ type: "unplayable", codec });
  }

  /** @param {"reconnecting" | "loading"} type */
  #retryAfter(type) {
    this.#show({ type });
    const pauseMs = RETRY_MS[Math.min(this.#retries++, RETRY_MS.length - 1)];
    if (this.#hasPlayed) this.#reconnects++;
    // Viewers of a server that restarts must not all return at the same moment.
    this.#askAfter(pauseMs * (0.7 + Math.random() * 0.6));
  }

  /** @param {number} pauseMs */
  #askAfter(pauseMs) {
    this.#run++;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#ask(), pauseMs);
  }

  #checkStall() {
    const { currentTime, paused } = this.#video;
    const isMoving = currentTime !== this.#lastTime;
    this.#lastTime = currentTime;
    if (isMoving || paused || this.#engine === null || !this.#hasPlayed || document.hidden) {
      this.#lastMoveMs = performance.now();
    } else if (performance.now() - this.#lastMoveMs > STALL_MS) {
      this.#onFailed("network");
    }
  }

  #stop() {
    this.#run++;
    clearTimeout(this.#timer);
    if (this.#engine !== null) this.#options.onStopping();
    this.#engine?.stop();
    this.#engine = null;
    this.#route = null;
  }

  /** @param {View} view */
  #show(view) {
    this.#options.onView(view);
  }
}

/** @returns {Promise<any>} what the server says; null if it cannot be reached */
async function askServer(url) {
  try {
    const response = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(8000) });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

/** @param {HTMLVideoElement} video */
function browser(video) {
  const source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
  return {
    takes: source === undefined ? null : (type) => source.isTypeSupported(type),
    hasNativeHls: video.canPlayType("application/vnd.apple.mpegurl") !== "",
  };
}
