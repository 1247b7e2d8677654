import { byId, create, setText } from "../pages/dom.js";
import { Diagram } from "./diagram.js";
import { count, describeAudio, describeVideo, duration, size, streamName } from "./format.js";
import { createButton, setName } from "./widgets.js";

/** What is known of a stream besides its diagram. */
const FACTS = [
  ["Encoder", ({ health }) => health.encoder || "–"],
  ["Video", ({ video }) => describeVideo(video)],
  [
    "Profile",
    ({ video }) => video === null ? "–" : `${video.profile} ${video.level}`.trim() || "–",
  ],
  ["Audio", ({ audio }) => describeAudio(audio)],
  ["Frame rate", ({ health }) => health.fps === 0 ? "–" : `${health.fps.toFixed(2)} fps`],
  ["Keyframes", ({ health }) => health.keyframe_ms === 0 ? "–" : `each ${health.keyframe_ms} ms`],
  ["Clock leaps", ({ health }) => count(health.clock_changes)],
  [
    "Lost, doubled",
    ({ health }) => `${count(health.lost_frames)}, ${count(health.doubled_frames)}`,
  ],
  [
    "Recording",
    ({ recording }) =>
      recording === null
        ? "–"
        : `${duration(recording.duration_ms / 1000)}, ${size(recording.bytes)}`,
  ],
];

/** The selected stream: its name, its diagram, and facts about its encode. */
export class DetailView {
  #diagram;
  #watch;
  #facts;
  /** @type {any} */
  #shown = null;

  /**
   * @param {{
   *   onClose: () => void,
   *   onWatch: (url: string, name: string) => void,
   *   onClients: (url: string) => void,
   *   onEvents: (name: string) => void,
   * }} actions
   */
  constructor({ onClose, onWatch, onClients, onEvents }) {
    const showClients = () => onClients(this.#shown.stream.url);
    this.#diagram = new Diagram({ onClients: showClients });
    this.#watch = createButton("Watch", () => {
      const { stream, url } = this.#shown;
      onWatch(url, streamName(stream.url));
    });
    byId("detail-actions").append(
      this.#watch,
      createButton("Clients", showClients),
      createButton("Events", () => {
        const { app, name } = this.#shown.stream;
        onEvents(`${app}/${name}`);
      }),
    );
    byId("detail-close").addEventListener("click", onClose);
    byId("diagram").append(this.#diagram.element);
    this.#facts = FACTS.map(([title, describe]) => {
      const value = create("dd", "name", "–");
      byId("detail-facts").append(create("div", "", create("dt", "", title), value));
      return { value, describe };
    });
  }

  /**
   * @param {{
   *   stream: any,
   *   publishers: any[],
   *   rates: { received: number | null, sent: number | null },
   *   url: string | null,
   * } | null} now null for the whole server; `url` is that of HTTP-FLV
   */
  show(now) {
    this.#shown = now;
    document.body.classList.toggle("has-selection", now !== null);
    byId("detail-stream").hidden = now === null;
    byId("detail-close").hidden = now === null;
    byId("detail-actions").hidden = now === null;
    const title = byId("detail-title");
    if (now === null) return setName(title, "Whole server");
    const { stream, publishers, rates, url } = now;
    setName(title, streamName(stream.url));
    this.#watch.disabled = url === null;
    this.#watch.title = url === null ? "http_server, or http_remux of this vhost, is off" : "";
    setText(this.#watch, url === null ? "No HTTP-FLV" : "Watch");
    this.#diagram.show(stream, publishers, rates);
    for (const { value, describe } of this.#facts) setName(value, describe(stream));
  }
}
