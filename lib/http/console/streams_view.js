/** Each stream as a way: where it comes from, what it is here, and who watches. */

import { byId, create, createButton, KeyedList, setName, setText } from "./dom.js";
import { duration, plural, rate, streamName } from "./format.js";

/** Viewers that are shown one by one; more are a number. */
const MAX_SHOWN = 4;

/** The words of clients' types. */
export const CLIENT_KINDS = {
  "rtmp-play": "RTMP player",
  "flv-play": "HTTP-FLV player",
  "fmle-publish": "RTMP publisher",
};

/**
 * @typedef {object} Flow A stream, with what belongs to it.
 * @property {any} stream of the API
 * @property {any} vhost of the API
 * @property {any[]} clients of the API, as far as they are known
 * @property {{ received: number | null, sent: number | null }} rates
 * @property {string | null} url where it is served as HTTP-FLV
 */

/** See the file comment. */
export class StreamsView {
  #list;

  /**
   * @param {{
   *   onWatch: (flow: Flow) => void,
   *   onFilter: (text: string) => void,
   * }} actions
   */
  constructor(actions) {
    this.#list = new KeyedList({
      parent: byId("flows"),
      keyOf: ({ stream }) => stream.id,
      create: () => createFlow(actions),
    });
  }

  /**
   * @param {Flow[]} flows
   * @param {number} total streams there are
   */
  show(flows, total) {
    this.#list.show(flows);
    byId("streams-empty").hidden = flows.length > 0;
    const more = total > flows.length ? `${flows.length} of ` : "";
    setText(byId("streams-count"), flows.length === 0 ? "" : `${more}${total}`);
  }
}

/** @returns {{ element: HTMLElement, update: (flow: Flow) => void }} */
function createFlow({ onWatch, onFilter }) {
  /** @type {Flow} */
  let flow;
  const sources = createNodes("sources");
  const viewers = createNodes("viewers");
  const [inRate, outRate] = [create("span"), create("span")];
  const name = create("h3", "name");
  const role = create("span", "chip");
  const home = create("div", "muted name");
  const media = create("div", "muted");
  const watch = createButton("Watch", () => onWatch(flow));
  const rest = createButton("", () => onFilter(streamName(flow.stream.url)));
  rest.className = "link";
  viewers.element.append(rest);
  const center = create("div", "node stream", create("div", "row", name, role), home, media, watch);
  const element = create(
    "article",
    "flow",
    sources.element,
    create("div", "arrow in", inRate),
    center,
    create("div", "arrow out", outRate),
    viewers.element,
  );
  return {
    element,
    update(now) {
      flow = now;
      const { stream, vhost, rates, url } = now;
      setName(name, `${stream.app}/${stream.name}`);
      setName(home, vhost.name);
      home.hidden = isDefault(vhost);
      setText(role, vhost.mode === "remote" ? "edge" : "origin");
      setText(media, describeMedia(stream) || (stream.publish.active ? "no media yet" : "waiting"));
      center.classList.toggle("active", stream.publish.active);
      setText(inRate, rate(rates.received));
      setText(outRate, rate(rates.sent));
      watch.disabled = url === null;
      watch.title = url === null ? "http_remux is off for this vhost, or http_server is" : "";
      setText(watch, url === null ? "No HTTP-FLV" : "Watch");
      watch.setAttribute("aria-label", `${watch.textContent} ${streamName(stream.url)}`);
      sources.show(listSources(now));
      const { nodes, restCount } = listViewers(now);
      viewers.show(nodes);
      rest.hidden = restCount === 0;
      setText(rest, nodes.length > 0 ? `and ${restCount} more` : plural(restCount, "player"));
    },
  };
}

/** Nobody names the default vhost. */
function isDefault({ name }) {
  return name === "__defaultVhost__";
}

function createNodes(className) {
  const nodes = create("ul", "nodes");
  const list = new KeyedList({
    parent: nodes,
    keyOf: ({ key }) => key,
    create: () => createNode(),
  });
  return {
    element: create("div", `side ${className}`, nodes),
    show: (items) => list.show(items),
  };
}

function createNode() {
  const title = create("div", "name");
  const detail = create("div", "muted");
  const element = create("li", "node", title, detail);
  return {
    element,
    update({ text, note, kind }) {
      setName(title, text);
      setName(detail, note);
      element.className = `node ${kind}`;
    },
  };
}

/** Who publishes, and the origins that it is pulled from. */
function listSources({ stream, clients }) {
  const nodes = stream.upstreams.flatMap((upstream, index) =>
    upstream.kind === "pull" ? [upstreamNode(upstream, index)] : []
  );
  const publisherId = stream.publish.cid;
  if (publisherId !== "") {
    const publisher = clients.find(({ id }) => id === publisherId);
    nodes.unshift(
      publisher === undefined
        ? { key: publisherId, text: publisherId, note: "publisher", kind: "live" }
        : clientNode(publisher),
    );
  }
  if (nodes.length > 0) return nodes;
  return [{ key: "", text: "Nobody", note: "no publisher", kind: "absent" }];
}

/** Who watches, and the origins that it is pushed to. */
function listViewers({ stream, clients }) {
  const pushes = stream.upstreams.flatMap((upstream, index) =>
    upstream.kind === "push" ? [upstreamNode(upstream, index)] : []
  );
  const players = clients.filter(({ publish }) => !publish);
  const shown = players.slice(0, players.length > MAX_SHOWN + 1 ? MAX_SHOWN : MAX_SHOWN + 1);
  const playerCount = stream.clients - (stream.publish.cid === "" ? 0 : 1);
  const nodes = [...pushes, ...shown.map(clientNode)];
  if (nodes.length === 0 && playerCount === 0) {
    nodes.push({ key: "", text: "Nobody", note: "no player", kind: "absent" });
  }
  return { nodes, restCount: Math.max(0, playerCount - shown.length) };
}

function clientNode({ id, ip, type, waiting }) {
  const player = CLIENT_KINDS[type] ?? type;
  return {
    key: `client ${id}`,
    text: ip,
    note: `${player} ${id}${waiting ? ", waiting" : ""}`,
    kind: waiting ? "waiting" : "live",
  };
}

function upstreamNode(upstream, index) {
  const { kind, origin, state, switches } = upstream;
  const isLive = state === "live";
  const stay = duration(upstream.since_ms / 1000);
  const times = switches === 1 ? "1 switch" : `${switches} switches`;
  const cost = `${times}, ${upstream.lost_frames} lost, ${upstream.doubled_frames} doubled`;
  return {
    key: `upstream ${kind} ${index}`,
    text: `${kind === "push" ? "to" : "from"} ${origin === "" ? "an origin" : origin}`,
    note: `${isLive ? "live for" : "connecting for"} ${stay}\n${cost}`,
    kind: isLive ? "upstream live" : "upstream waiting",
  };
}

function describeMedia({ video, audio }) {
  const parts = [];
  if (video !== null) {
    const picture = video.width > 0 ? ` ${video.width}×${video.height}` : "";
    parts.push(`${video.codec}${picture}`);
  }
  if (audio !== null) {
    const pitch = audio.sample_rate > 0 ? ` ${audio.sample_rate / 1000} kHz` : "";
    parts.push(`${audio.codec}${pitch}`);
  }
  return parts.join(" · ");
}
