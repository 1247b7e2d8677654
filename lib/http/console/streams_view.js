import { create, setText } from "../pages/dom.js";
import { count, describeVideo, streamName } from "./format.js";
import { ListView } from "./list_view.js";
import { Sparkline } from "./sparkline.js";
import { createButton, setAttribute, setName } from "./widgets.js";

/** Lowest maxima of the small lines: kbit/s, viewers, ms. */
const LEAST_KBPS = 100;
const LEAST_VIEWERS = 4;
const LEAST_LAG_MS = 100;

/**
 * The table of streams, a line each.
 *
 * @param {{
 *   refine: (change: Record<string, string>) => void,
 *   onSelect: (id: string) => void,
 *   historyOf: (id: string) => import("./rates.js").RateHistory,
 *   selectedId: () => string,
 * }} options
 */
export function createStreamsView({ refine, onSelect, historyOf, selectedId }) {
  return new ListView({
    name: "streams",
    none: "No streams.",
    refine,
    table: {
      keyOf: ({ id }) => id,
      classOf: ({ id }) => id === selectedId() ? "selected" : "",
      onOpen: ({ id }) => onSelect(id),
      columns: [
        {
          ...{ title: "Stream", className: "stream", sort: "name" },
          create: ({ id }) => createNameCell(() => onSelect(id), selectedId),
        },
        ...SOURCE_COLUMNS,
        ...numberColumns(historyOf),
      ],
    },
  });
}

const SOURCE_COLUMNS = [
  { title: "From", className: "from", text: describeSource },
  { title: "Video", className: "video", text: ({ video }) => describeVideo(video) },
  {
    ...{ title: "fps", className: "fps", isNumber: true, sort: "fps" },
    text: ({ health }) => health.fps === 0 ? "–" : health.fps.toFixed(1),
  },
];

/** @param {(id: string) => import("./rates.js").RateHistory} historyOf */
function numberColumns(historyOf) {
  /** A number with its small line. */
  const plotted = (className, leastTop, text, valuesOf) => () => {
    const number = create("span");
    const line = new Sparkline(className);
    return {
      content: [line.element, number],
      update(stream) {
        setText(number, text(stream));
        line.show(valuesOf(historyOf(stream.id)), leastTop);
      },
    };
  };
  return [
    {
      ...{ title: "In kbit/s", className: "plotted in", isNumber: true, sort: "recv" },
      hint: "Received, averaged over 30 s; the line is two minutes",
      create: plotted(
        "in",
        LEAST_KBPS,
        ({ kbps }) => count(kbps.recv_30s),
        ({ received }) => received,
      ),
    },
    {
      ...{ title: "Out kbit/s", className: "out", isNumber: true, sort: "send" },
      hint: "Sent to the clients of this server, averaged over 30 s",
      text: ({ kbps }) => count(kbps.send_30s),
    },
    {
      ...{ title: "Viewers", className: "plotted viewers", isNumber: true, sort: "audience" },
      hint: "Of the whole tree: here, and at all edges behind this server",
      create: plotted(
        "viewers",
        LEAST_VIEWERS,
        ({ audience }) => count(audience.players),
        ({ viewers }) => viewers,
      ),
    },
    {
      ...{ title: "Here", className: "here", isNumber: true, sort: "players" },
      hint: "Connections to this server that play it, edges among them",
      text: (stream) => count(playersOf(stream)),
    },
    {
      ...{ title: "Lag ms", className: "plotted lag", isNumber: true, sort: "lag" },
      hint: "How far the last viewer is behind its server",
      create: plotted(
        "lag",
        LEAST_LAG_MS,
        ({ audience }) => count(audience.lag_ms),
        ({ lag }) => lag,
      ),
    },
    {
      ...{ title: "Switches", className: "switches", isNumber: true, sort: "switches" },
      hint: "How often its origins have changed or reconnected",
      text: ({ upstreams }) => dashIfNone(upstreams, ({ switches }) => switches),
    },
    {
      ...{ title: "Lost", className: "lost", isNumber: true },
      hint: "Frames that viewers did not get, where publishers or origins changed",
      text: ({ health, upstreams }) =>
        count(health.lost_frames + sum(upstreams, (leg) => leg.lost_frames)),
    },
  ];
}

/** Clients that play a stream here. @param {any} stream */
export function playersOf({ clients, publish }) {
  return clients - [publish.cid, publish.reserve_cid].filter((id) => id !== "").length;
}

/** `live`, `fallback` or `waiting`. @param {any} stream */
export function stateOf({ publish, fallback }) {
  if (fallback) return "fallback";
  return publish.active ? "live" : "waiting";
}

function createNameCell(onSelect, selectedId) {
  const dot = create("span", "dot");
  const name = createButton("", onSelect, "link name");
  return {
    content: [dot, name],
    update(stream) {
      const state = stateOf(stream);
      const className = `dot ${state}`;
      if (dot.className !== className) {
        dot.className = className;
        dot.title = state;
        dot.setAttribute("role", "img");
        dot.setAttribute("aria-label", state);
      }
      setName(name, streamName(stream.url));
      setAttribute(name, "aria-current", stream.id === selectedId() ? "true" : null);
    },
  };
}

/** The origin or publisher that feeds a stream. */
function describeSource({ publish, health, upstreams }) {
  const pull = upstreams.find(({ kind }) => kind === "pull");
  if (publish.cid !== "") return [publish.cid, health.encoder].filter(Boolean).join(" · ");
  if (pull === undefined) return "–";
  const origin = pull.origin || "an origin";
  return pull.state === "live" ? origin : `${origin}, connecting`;
}

function dashIfNone(legs, valueOf) {
  return legs.length === 0 ? "–" : count(sum(legs, valueOf));
}

function sum(list, valueOf) {
  return list.reduce((total, one) => total + valueOf(one), 0);
}
