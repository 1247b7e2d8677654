import { byId, create, createButton, KeyedList, setName, setText } from "./dom.js";
import { duration, plural, rate, streamName } from "./format.js";

/** Players shown one by one; the rest are counted. */
const MAX_PLAYERS_SHOWN = 4;

/** Display names of the API's client types. */
export const CLIENT_TYPES = {
  "rtmp-play": "RTMP player",
  "flv-play": "HTTP-FLV player",
  "hls-play": "HLS viewer",
  "fmle-publish": "RTMP publisher",
};

/**
 * @typedef {object} Flow A stream with its vhost, clients and rates.
 * @property {any} stream from the API
 * @property {any} vhost from the API
 * @property {any[]} clients its clients from the API, as far as listed
 * @property {{ received: number | null, sent: number | null }} rates
 * @property {string | null} url its HTTP-FLV URL
 */

/** Shows each stream as a flow: its sources, the stream on this server, and its viewers. */
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
   * @param {number} total including streams that the API did not list
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
  const vhostName = create("div", "muted name");
  const media = create("div", "muted");
  const watch = createButton("Watch", () => onWatch(flow));
  const rest = createButton("", () => onFilter(streamName(flow.stream.url)));
  rest.className = "link";
  viewers.element.append(rest);
  const center = create(
    "div",
    "node stream",
    create("div", "row", name, role),
    vhostName,
    media,
    watch,
  );
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
      setName(vhostName, vhost.name);
      vhostName.hidden = isDefault(vhost);
      setText(role, vhost.mode === "remote" ? "edge" : "origin");
      setText(media, describeState(stream));
      center.classList.toggle("active", stream.publish.active);
      setText(inRate, rate(rates.received));
      setText(outRate, rate(rates.sent));
      watch.disabled = url === null;
      watch.title = url === null ? "http_server, or http_remux of this vhost, is off" : "";
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

/** The name of the default vhost is not shown. */
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

/** What a stream carries, or why it carries nothing. */
function describeState(stream) {
  const media = describeMedia(stream);
  if (stream.fallback) return `fallback: ${media}`;
  return media || (stream.publish.active ? "no media yet" : "waiting");
}

/** The publisher, the one that stands by, and the origins that the stream is pulled from. */
function listSources({ stream, clients }) {
  const nodes = stream.upstreams.flatMap((upstream, index) =>
    SOURCES.includes(upstream.kind) ? [upstreamNode(upstream, index)] : []
  );
  nodes.unshift(
    ...publisherIds(stream).map((id) => {
      const publisher = clients.find((client) => client.id === id);
      return publisher === undefined
        ? { key: id, text: id, note: "publisher", kind: "live" }
        : clientNode(publisher);
    }),
  );
  if (nodes.length > 0) return nodes;
  return [{ key: "", text: "No publisher", note: "", kind: "absent" }];
}

/** The players, and the servers that the stream is pushed or forwarded to. */
function listViewers({ stream, clients }) {
  const pushes = stream.upstreams.flatMap((upstream, index) =>
    SOURCES.includes(upstream.kind) ? [] : [upstreamNode(upstream, index)]
  );
  const players = clients.filter(({ publish }) => !publish);
  // A rest of one is shown as well: "and 1 more" would take the same room.
  const shown = players.slice(
    0,
    players.length > MAX_PLAYERS_SHOWN + 1 ? MAX_PLAYERS_SHOWN : MAX_PLAYERS_SHOWN + 1,
  );
  const playerCount = stream.clients - publisherIds(stream).length;
  const nodes = [...pushes, ...shown.map(clientNode)];
  if (nodes.length === 0 && playerCount === 0) {
    nodes.push({ key: "", text: "No players", note: "", kind: "absent" });
  }
  return { nodes, restCount: Math.max(0, playerCount - shown.length) };
}

/** The publisher, then the one that stands by. */
function publisherIds({ publish }) {
  return [publish.cid, publish.reserve_cid].filter((id) => id !== "");
}

function clientNode({ id, ip, type, waiting, reserve }) {
  const typeName = CLIENT_TYPES[type] ?? type;
  return {
    key: `client ${id}`,
    text: ip,
    note: `${typeName} ${id}${waiting ? ", waiting" : ""}${reserve ? ", stands by" : ""}`,
    kind: waiting ? "waiting" : "live",
  };
}

const DIRECTIONS = { pull: "from", standby: "also from", push: "to", forward: "forward to" };
const SOURCES = ["pull", "standby"];

function upstreamNode(upstream, index) {
  const { kind, origin, state, switches } = upstream;
  const isLive = state === "live";
  const age = duration(upstream.since_ms / 1000);
  const times = switches === 1 ? "1 switch" : `${switches} switches`;
  const cost = `${times}, ${upstream.lost_frames} lost, ${upstream.doubled_frames} doubled`;
  return {
    key: `upstream ${kind} ${index}`,
    text: `${DIRECTIONS[kind]} ${origin === "" ? "an origin" : origin}`,
    note: `${isLive ? "live for" : "connecting for"} ${age}\n${cost}`,
    kind: isLive ? "upstream live" : "upstream waiting",
  };
}

function describeMedia({ video, audio }) {
  const parts = [];
  if (video !== null) {
    const resolution = video.width > 0 ? ` ${video.width}×${video.height}` : "";
    parts.push(`${video.codec}${resolution}`);
  }
  if (audio !== null) {
    const sampleRate = audio.sample_rate > 0 ? ` ${audio.sample_rate / 1000} kHz` : "";
    parts.push(`${audio.codec}${sampleRate}`);
  }
  return parts.join(" · ");
}
