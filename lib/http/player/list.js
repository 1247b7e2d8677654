/** The page that lists what is live. */

import { byId, create, setText } from "../pages/dom.js";
import { describeTracks, parseWanted, printable } from "./text.js";

const PERIOD_MS = 3000;

/** Names of this machine: its user may want to publish. */
const LOCAL_HOSTS = new Set(["localhost", "127.0.0.1", "[::1]"]);

const search = byId("open-name");
const cards = byId("streams");
const vhost = new URLSearchParams(location.search).get("vhost");
/** @type {Map<string, HTMLElement>} */
const shown = new Map();
/** @type {any[]} */
let streams = [];
let total = 0;
let access = "open";
let rtmpPort = 1935;

byId("open").addEventListener("submit", (event) => {
  event.preventDefault();
  openTyped();
});
search.addEventListener("input", () => render());
void refresh();

async function refresh() {
  const isKnown = await load();
  if (isKnown) render();
  else setText(byId("count"), "The server cannot be reached; trying again");
  setTimeout(() => void refresh(), PERIOD_MS);
}

/** @returns {Promise<boolean>} whether the server answered */
async function load() {
  try {
    const response = await fetch(`players/streams.json${vhostQuery()}`, {
      signal: AbortSignal.timeout(8000),
    });
    if (!response.ok) return false;
    ({ streams, total, access, rtmpPort } = await response.json());
    return true;
  } catch {
    return false;
  }
}

function render() {
  const wanted = search.value.trim().toLowerCase();
  const found = streams.filter(({ app, stream }) =>
    `${app}/${stream}`.toLowerCase().includes(wanted)
  );
  const hrefs = new Set();
  for (const stream of found) {
    const href = hrefOf(stream);
    hrefs.add(href);
    const card = shown.get(href) ?? createCard(stream, href);
    shown.set(href, card);
    setText(card.querySelector(".card-facts"), describeTracks(stream) || "Starting");
    if (card !== cards.children[hrefs.size - 1]) {
      cards.insertBefore(card, cards.children[hrefs.size - 1] ?? null);
    }
  }
  for (const [href, card] of shown) {
    if (hrefs.has(href)) continue;
    card.remove();
    shown.delete(href);
  }
  renderCount(found.length);
  renderEmpty(found.length, wanted);
}

/** @param {number} count */
function renderCount(count) {
  const noun = count === 1 ? "stream" : "streams";
  const of = total > streams.length ? ` of ${total}` : "";
  setText(byId("count"), count === 0 ? "" : `${count}${of} ${noun}`);
}

/** @param {number} count @param {string} wanted */
function renderEmpty(count, wanted) {
  byId("empty").hidden = count > 0;
  if (count > 0) return;
  const [title, text] = emptyText(wanted);
  setText(byId("empty-title"), title);
  setText(byId("empty-text"), text);
  const isHinted = access === "open" && wanted === "" && LOCAL_HOSTS.has(location.hostname);
  byId("hint").hidden = !isHinted;
  if (isHinted) {
    const port = rtmpPort === 1935 ? "" : `:${rtmpPort}`;
    const url = `rtmp://${location.hostname}${port}/live/show`;
    setText(byId("hint-text"), `ffmpeg -re -i video.mp4 -c copy -f flv ${url}`);
  }
}

/** @param {string} wanted @returns {[title: string, text: string]} */
function emptyText(wanted) {
  if (access === "private") {
    return ["Streams here are private", "Open the link that you were given."];
  }
  if (access === "none") return ["Nothing here", "No streams are served under this name."];
  if (wanted !== "") {
    const isOpenable = parseWanted(wanted) !== null;
    return [
      "No live stream of that name",
      isOpenable
        ? "Press Enter to open it: playback starts when it does."
        : `To open one that is not listed, type its app, too: live/${search.value.trim()}`,
    ];
  }
  return ["Nothing is live", "Streams appear here by themselves."];
}

/** Opens the stream that was typed, or the only one found. */
function openTyped() {
  const [card] = shown.values();
  if (shown.size === 1 && card !== undefined) return card.querySelector("a").click();
  const wanted = parseWanted(search.value);
  if (wanted === null) return search.focus();
  location.href = hrefOf(wanted);
}

function createCard(stream, href) {
  const name = create("span", "card-name", printable(stream.stream));
  const app = create("span", "card-app muted", printable(stream.app));
  const badge = create("span", "badge", "Live");
  const art = create("span", "card-art", create("span", "card-letter", letterOf(stream.stream)));
  art.style.setProperty("--hue", String(hueOf(href)));
  art.setAttribute("aria-hidden", "true");
  const link = create("a", "card", art, badge, create("span", "card-text", name, app));
  link.append(create("span", "card-facts muted"));
  link.href = href;
  return create("li", "", link);
}

function hrefOf({ app, stream, params }) {
  const path = [...app.split("/"), stream].map(encodeURIComponent).join("/");
  return `play/${path}${params === "" ? vhostQuery() : `?${params}`}`;
}

function vhostQuery() {
  return vhost === null ? "" : `?vhost=${encodeURIComponent(vhost)}`;
}

/** @param {string} name */
function letterOf(name) {
  return [...name][0]?.toUpperCase() ?? "";
}

/** @param {string} text */
function hueOf(text) {
  let hash = 0;
  for (const char of text) hash = (hash * 31 + char.codePointAt(0)) % 360;
  return hash;
}
