import { byId, setText } from "../pages/dom.js";

/**
 * @typedef {{ title: string, text: string, isBusy: boolean, action: string }} Notice
 */

/** @type {Record<string, Notice>} */
const NOTICES = {
  loading: { title: "Loading", text: "", isBusy: true, action: "" },
  waiting: {
    title: "Not live yet",
    text: "Playback starts by itself as soon as the stream does.",
    isBusy: true,
    action: "",
  },
  ended: {
    title: "The stream has ended",
    text: "If it returns, playback starts by itself.",
    isBusy: false,
    action: "",
  },
  reconnecting: { title: "Reconnecting", text: "", isBusy: true, action: "" },
  unnamed: {
    title: "This is not the name of a stream",
    text: "The address is /play/APP/STREAM. The link may be damaged.",
    isBusy: false,
    action: "",
  },
  unserved: {
    title: "Not available in browsers",
    text: "The server has neither HTTP-FLV nor HLS for this stream.",
    isBusy: false,
    action: "",
  },
};

/** Says over the video what viewers should know. */
export class Notices {
  #notice = byId("notice");
  #action = byId("notice-action");
  #onAction = () => {};

  constructor() {
    this.#action.addEventListener("click", () => this.#onAction());
  }

  /**
   * @param {import("./session.js").View} view
   * @param {{ onRetry: () => void }} actions
   */
  show(view, { onRetry }) {
    if (view.type === "playing") return this.#hide();
    this.#onAction = onRetry;
    this.#render(
      view.type === "refused" || view.type === "unplayable" ? noticeOf(view) : NOTICES[view.type],
    );
  }

  /** Asks for the click without which the browser does not play. @param {() => void} onPlay */
  askToPlay(onPlay) {
    this.#onAction = onPlay;
    this.#render({ title: "", text: "", isBusy: false, action: "Play" });
  }

  #hide() {
    this.#notice.hidden = true;
  }

  /** @param {Notice} notice */
  #render({ title, text, isBusy, action }) {
    this.#notice.hidden = false;
    byId("spinner").hidden = !isBusy;
    setText(byId("notice-title"), title);
    setText(byId("notice-text"), text);
    setText(this.#action, action);
    this.#action.hidden = action === "";
  }
}

/** @returns {Notice} */
function noticeOf(view) {
  if (view.type === "unplayable") {
    const what = view.codec === ""
      ? "The server does not have it in a format for this browser"
      : `The stream is in ${view.codec}`;
    return {
      title: "This browser cannot play the stream",
      text: `${what}. Another browser or device may play it.`,
      isBusy: false,
      action: "Try again",
    };
  }
  return {
    title: "You have no access to this stream",
    text: view.reason === "" ? "The link may have expired." : `${view.reason}.`,
    isBusy: false,
    action: "Try again",
  };
}
