/** The page that plays one stream. */

import { Controls } from "./controls.js";
import { byId, setText } from "../pages/dom.js";
import { decoded, describeTracks, printable } from "./text.js";
import { Notices } from "./notices.js";
import { Session } from "./session.js";
import { Stats } from "./stats.js";

/** The page's address is the server's, which the page links to, and `play/APP/STREAM`. */
const root = new URL(byId("home").href).pathname;
const path = location.pathname.slice(`${root}play/`.length).replace(/\/$/, "");
const name = printable(decoded(path));
/** Options of the page, such as `#muted` and `#via=hls`. The query belongs to the stream. */
const options = new URLSearchParams(location.hash.slice(1));

const video = byId("video");
const still = byId("still");
const notices = new Notices();

if (globalThis.self !== globalThis.top) document.documentElement.classList.add("embedded");
document.title = name;
setText(byId("title"), name);
setText(byId("name"), name);
video.muted = options.has("muted");
keepVhost();

const session = new Session(video, {
  stateUrl: `${root}players/state/${path}${location.search}`,
  mediaUrl: (media) => new URL(`${root}${media}${location.search}`, location.href).href,
  onlyRoute: options.get("via") ?? "",
  onView: (view) => {
    byId("player").dataset.view = view.type;
    if (view.type === "playing") still.hidden = true;
    notices.show(view, { onRetry: () => session.retry() });
  },
  onStream: (stream) => {
    stats.describe(stream);
    setText(byId("facts"), describeTracks(stream));
  },
  onReady: () => void play(),
  onStopping: () => keepFrame(),
});
const stats = new Stats(video, session);
const controls = new Controls({ onStats: () => stats.toggle() });
session.start();
stats.start();
bindCopying();

async function play() {
  if (!await controls.play()) notices.askToPlay(() => void controls.play());
}

/** Shows the last frame while the stream is opened again, in place of a black screen. */
function keepFrame() {
  const { videoWidth, videoHeight } = video;
  if (videoWidth === 0) return;
  [still.width, still.height] = [videoWidth, videoHeight];
  still.getContext("2d").drawImage(video, 0, 0);
  still.hidden = false;
}

/** The list must be that of the same vhost. */
function keepVhost() {
  const vhost = new URLSearchParams(location.search).get("vhost");
  if (vhost !== null) byId("home").href += `?vhost=${encodeURIComponent(vhost)}`;
}

function bindCopying() {
  const copy = (id, text) =>
    byId(id).addEventListener("click", async () => {
      await copyText(text());
      setText(byId("copied"), "Copied");
      const before = byId(id).textContent;
      setText(byId(id), "Copied");
      setTimeout(() => setText(byId(id), before), 1500);
    });
  const link = () => location.href.replace(/#.*$/, "");
  copy("copy-link", link);
  copy("copy-embed", () => {
    const url = `${link()}#muted`.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    return `<iframe src="${url}" width="640" height="360" style="border:0" ` +
      `allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`;
  });
}

/** @param {string} text */
async function copyText(text) {
  // Pages without TLS have no clipboard.
  if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}
