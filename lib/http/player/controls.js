import { byId } from "../pages/dom.js";

/** The bar disappears when the pointer has rested for this long. */
const IDLE_MS = 3000;

/** A player further behind than this jumps when it becomes visible again. */
const FAR_BEHIND_S = 5;

const VOLUME_STEP = 0.1;

/** Buttons, keys and gestures. */
export class Controls {
  #video = byId("video");
  #player = byId("player");
  #unmute = byId("unmute");
  #onStats;
  /** Whether the viewer paused. A source that is replaced pauses the video, too. */
  #isPaused = false;
  /** Whether the newest touch brought the bar back: then it does nothing else. */
  #isForBar = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #idleTimer;

  /** @param {{ onStats: () => boolean }} options `onStats` shows or hides the figures */
  constructor({ onStats }) {
    this.#onStats = onStats;
    this.#bindButtons();
    this.#bindState();
    this.#bindKeys();
    this.#bindIdle();
  }

  /**
   * Plays unless the viewer has paused; without audio if the browser insists.
   *
   * @returns {Promise<boolean>} false if it insists on a click
   */
  async play() {
    if (this.#isPaused || await tryPlay(this.#video)) return true;
    this.#video.muted = true;
    const isPlaying = await tryPlay(this.#video);
    if (isPlaying) this.#unmute.hidden = false;
    return isPlaying;
  }

  /** Jumps to the newest frame. */
  jumpToLive() {
    this.#isPaused = false;
    const { buffered } = this.#video;
    if (buffered.length > 0) {
      const end = buffered.end(buffered.length - 1);
      this.#video.currentTime = Math.max(buffered.start(buffered.length - 1), end - 0.8);
    }
    void tryPlay(this.#video);
  }

  #bindButtons() {
    const on = (id, act) => byId(id).addEventListener("click", act);
    on("toggle-play", () => this.#togglePlay());
    on("toggle-mute", () => this.#toggleMute());
    on("unmute", () => this.#toggleMute());
    on("live", () => this.jumpToLive());
    on("toggle-stats", () => this.#toggleStats());
    on("toggle-screen", () => this.#toggleScreen());
    on("toggle-window", () => this.#toggleWindow());
    byId("toggle-window").hidden = !document.pictureInPictureEnabled;
    const volume = byId("volume");
    volume.addEventListener("input", () => this.#setVolume(Number(volume.value)));
    // Capturing, before the touch brings the bar back.
    this.#player.addEventListener("pointerdown", ({ pointerType }) => {
      this.#isForBar = pointerType === "touch" && this.#player.classList.contains("idle");
    }, { capture: true });
    this.#video.addEventListener("click", () => this.#isForBar || this.#togglePlay());
    this.#video.addEventListener("dblclick", () => this.#toggleScreen());
  }

  /** Keeps the buttons' looks and names right, no matter what changed the video. */
  #bindState() {
    const video = this.#video;
    const show = () => {
      setSwitch(byId("toggle-play"), !video.paused, ["Play", "Pause"]);
      const isAudible = !video.muted && video.volume > 0;
      setSwitch(byId("toggle-mute"), isAudible, ["Unmute", "Mute"]);
      byId("volume").value = String(video.muted ? 0 : video.volume);
      if (isAudible) this.#unmute.hidden = true;
    };
    for (const event of ["play", "pause", "volumechange"]) video.addEventListener(event, show);
    show();
    document.addEventListener("fullscreenchange", () => {
      const isFull = document.fullscreenElement !== null;
      byId("toggle-screen").setAttribute(
        "aria-label",
        isFull ? "Leave full screen" : "Full screen",
      );
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden || video.paused || video.buffered.length === 0) return;
      const end = video.buffered.end(video.buffered.length - 1);
      if (end - video.currentTime > FAR_BEHIND_S) this.jumpToLive();
    });
  }

  #bindKeys() {
    const keys = {
      " ": () => this.#togglePlay(),
      k: () => this.#togglePlay(),
      m: () => this.#toggleMute(),
      f: () => this.#toggleScreen(),
      i: () => this.#toggleStats(),
      l: () => this.jumpToLive(),
      ArrowUp: () => this.#setVolume(this.#video.volume + VOLUME_STEP),
      ArrowDown: () => this.#setVolume(this.#video.volume - VOLUME_STEP),
    };
    document.addEventListener("keydown", (event) => {
      const { key, target, ctrlKey, metaKey, altKey } = event;
      if (ctrlKey || metaKey || altKey) return;
      this.#wake();
      const isControl = target instanceof Element && target.matches("button, input, a");
      if (isControl && (key === " " || key.startsWith("Arrow"))) return;
      const act = keys[key.length === 1 ? key.toLowerCase() : key];
      if (act === undefined) return;
      event.preventDefault();
      act();
    });
  }

  #bindIdle() {
    for (const event of ["pointermove", "pointerdown", "focusin"]) {
      this.#player.addEventListener(event, () => this.#wake());
    }
    this.#wake();
  }

  #wake() {
    this.#player.classList.remove("idle");
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      const hasFocus = byId("bar").matches(":focus-within:has(:focus-visible)");
      if (!this.#video.paused && !hasFocus) this.#player.classList.add("idle");
    }, IDLE_MS);
  }

  #togglePlay() {
    if (this.#video.paused) return this.jumpToLive();
    this.#isPaused = true;
    this.#video.pause();
  }

  #toggleMute() {
    this.#video.muted = !this.#video.muted;
    if (!this.#video.muted && this.#video.volume === 0) this.#video.volume = 1;
  }

  /** @param {number} volume */
  #setVolume(volume) {
    this.#video.volume = Math.min(1, Math.max(0, volume));
    this.#video.muted = this.#video.volume === 0;
  }

  #toggleStats() {
    byId("toggle-stats").setAttribute("aria-pressed", String(this.#onStats()));
  }

  #toggleScreen() {
    if (document.fullscreenElement !== null) return void document.exitFullscreen();
    // iPhones can show only the video full screen.
    if (this.#player.requestFullscreen !== undefined) void this.#player.requestFullscreen();
    else this.#video.webkitEnterFullscreen?.();
  }

  #toggleWindow() {
    if (document.pictureInPictureElement !== null) return void document.exitPictureInPicture();
    this.#video.requestPictureInPicture().catch(() => {});
  }
}

/** @returns {Promise<boolean>} whether the browser permits it */
async function tryPlay(video) {
  try {
    await video.play();
    return true;
  } catch (error) {
    // Another cause, such as a source that was replaced meanwhile, is no refusal.
    return error.name !== "NotAllowedError";
  }
}

/** @param {Element} button @param {boolean} isOn @param {[off: string, on: string]} labels */
function setSwitch(button, isOn, labels) {
  button.classList.toggle("on", isOn);
  button.setAttribute("aria-label", labels[isOn ? 1 : 0]);
}
