import { count, duration } from "./format.js";
import { ListView } from "./list_view.js";

/**
 * The table of edges that are connected to this server, with what they report of their viewers.
 *
 * @param {(change: Record<string, string>) => void} refine
 */
export function createEdgesView(refine) {
  return new ListView({
    name: "edges",
    none: "No edges are connected.",
    refine,
    table: { keyOf: ({ id }) => id, columns: COLUMNS },
  });
}

const COLUMNS = [
  { title: "Edge", className: "server", text: ({ name }) => name },
  { title: "Address", className: "ip", text: ({ ip }) => ip },
  { title: "Pulls", className: "count minor", isNumber: true, text: ({ pulls }) => count(pulls) },
  {
    title: "Pushes",
    className: "count minor",
    isNumber: true,
    text: ({ pushes }) => count(pushes),
  },
  {
    ...{ title: "Sent kbit/s", className: "count minor", isNumber: true },
    hint: "From this server to the edge",
    text: ({ kbps }) => count(kbps.send_30s),
  },
  {
    ...{ title: "Viewers", className: "count", isNumber: true },
    hint: "At the edge and all edges behind it, as it reports",
    text: ({ reported }) => count(reported.players),
  },
  {
    ...{ title: "Edges behind", className: "count minor", isNumber: true },
    text: ({ reported }) => count(reported.edges),
  },
  {
    ...{ title: "To viewers", className: "count", isNumber: true },
    hint: "kbit/s that these viewers get, as it reports",
    text: ({ reported }) => count(reported.kbps),
  },
  {
    ...{ title: "Lag ms", className: "count", isNumber: true },
    hint: "How far the last of them is behind its server",
    text: ({ reported }) => count(reported.lag_ms),
  },
  {
    ...{ title: "Connected", className: "age", isNumber: true },
    text: ({ alive }) => duration(alive),
  },
];
