import { create, setText } from "../pages/dom.js";
import { CLIENT_TYPES } from "./clients_view.js";
import { count, duration, plural, rate } from "./format.js";
import { playersOf, stateOf } from "./streams_view.js";
import { createButton, KeyedList, setName } from "./widgets.js";

/** Where a stream comes from, this server, and where it goes to. */
export class Diagram {
  element;
  #sources = createNodes();
  #targets = createNodes();
  #in = create("span");
  #out = create("span");
  #server = create("div", "node server");
  #players;

  /** @param {{ onClients: () => void }} actions */
  constructor({ onClients }) {
    this.#players = createButton("", onClients, "node players");
    this.element = create(
      "div",
      "diagram",
      this.#sources.element,
      create("div", "arrow in", this.#in),
      this.#server,
      create("div", "arrow out", this.#out),
      this.#targets.element,
      this.#players,
    );
  }

  /**
   * @param {any} stream of the API
   * @param {any[]} publishers its clients that publish
   * @param {{ received: number | null, sent: number | null }} rates
   */
  show(stream, publishers, rates) {
    setText(this.#in, rate(rates.received));
    setText(this.#out, rate(rates.sent));
    setText(this.#server, SERVER_TEXTS[stateOf(stream)]);
    this.#sources.show(listSources(stream, publishers));
    this.#targets.show(upstreamNodes(stream, ({ kind }) => !SOURCES.includes(kind)));
    const { audience } = stream;
    const here = playersOf(stream);
    const tree = audience.edges > 0
      ? ` · ${plural(audience.players, "viewer")} through ${plural(audience.edges, "edge")}`
      : "";
    setText(this.#players, here === 0 ? "No players" : `${plural(here, "player")} here${tree}`);
    this.#players.disabled = here === 0;
  }
}

const SERVER_TEXTS = {
  live: "This server",
  fallback: "This server, which shows the fallback",
  waiting: "This server, which waits for the stream",
};

function createNodes() {
  const element = create("ul", "nodes");
  const list = new KeyedList({ parent: element, keyOf: ({ key }) => key, create: createNode });
  return {
    element,
    show(items) {
      element.hidden = items.length === 0;
      list.show(items);
    },
  };
}

function createNode() {
  const title = create("div", "name");
  const notes = create("div", "muted");
  const error = create("div", "muted reason");
  const element = create("li", "node", title, notes, error);
  return {
    element,
    update({ text, note, reason = "", kind }) {
      setName(title, text);
      setText(notes, note);
      error.hidden = reason === "";
      setName(error, reason);
      element.className = `node ${kind}`;
    },
  };
}

/** The publisher, the one that stands by, and the origins that the stream is pulled from. */
function listSources(stream, publishers) {
  const nodes = [
    ...publishers.map(({ id, ip, type, reserve }) => ({
      key: id,
      text: ip,
      note: `${CLIENT_TYPES[type] ?? type} ${id}${reserve ? ", stands by" : ""}`,
      kind: reserve ? "waiting" : "live",
    })),
    ...upstreamNodes(stream, ({ kind }) => SOURCES.includes(kind)),
  ];
  if (nodes.length > 0) return nodes;
  return [{ key: "", text: "No publisher", note: "", kind: "absent" }];
}

const DIRECTIONS = { pull: "from", standby: "also from", push: "to", forward: "forward to" };
const SOURCES = ["pull", "standby"];

function upstreamNodes({ upstreams }, isWanted) {
  return upstreams.filter(isWanted).map((leg, index) => {
    const { kind, origin, state, switches, last_error: reason } = leg;
    const isLive = state === "live";
    const times = switches === 1 ? "1 switch" : `${count(switches)} switches`;
    const lines = [
      `${isLive ? "live" : "connecting"} for ${duration(leg.since_ms / 1000)} · ${times}`,
      `${count(leg.lost_frames)} frames lost, ${count(leg.doubled_frames)} doubled` +
      (switches > 0 ? `, ${count(Math.round(leg.last_silence_ms))} ms of silence` : ""),
    ];
    return {
      key: `${kind} ${index}`,
      text: `${DIRECTIONS[kind] ?? kind} ${origin === "" ? "an origin" : origin}`,
      note: lines.join("\n"),
      reason,
      kind: isLive ? "live" : "waiting",
    };
  });
}
