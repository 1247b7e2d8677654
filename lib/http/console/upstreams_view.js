import { create, setText } from "../pages/dom.js";
import { count } from "./format.js";
import { ListView } from "./list_view.js";
import { setName } from "./widgets.js";

const KINDS = { pull: "Pull from", standby: "Standby", push: "Push to", forward: "Forward to" };

/**
 * The table of servers that streams are pulled from, pushed to and forwarded to.
 *
 * @param {(change: Record<string, string>) => void} refine
 */
export function createUpstreamsView(refine) {
  return new ListView({
    name: "upstreams",
    none: "No stream comes from another server or goes to one.",
    refine,
    table: {
      keyOf: ({ kind, origin, vhost }) => `${kind} ${origin} ${vhost}`,
      columns: COLUMNS,
    },
  });
}

const COLUMNS = [
  { title: "Server", className: "server", create: createServerCell },
  { title: "Direction", className: "kind", text: ({ kind }) => KINDS[kind] ?? kind },
  {
    ...{ title: "Vhost", className: "vhost" },
    text: ({ vhost }) => vhost === "__defaultVhost__" ? "default" : vhost,
  },
  {
    ...{ title: "Streams", className: "count", isNumber: true },
    text: ({ streams }) => count(streams),
  },
  { title: "Live", className: "count", isNumber: true, text: ({ live }) => count(live) },
  {
    ...{ title: "Attempts", className: "count wide minor", isNumber: true },
    hint: "Connections begun by the present streams",
    text: ({ attempts }) => count(attempts),
  },
  {
    ...{ title: "Switches", className: "count wide", isNumber: true },
    text: ({ switches }) => count(switches),
  },
  {
    ...{ title: "Silence ms", className: "count wide minor", isNumber: true },
    hint: "Longest silence at the newest switch of each stream",
    text: ({ last_silence_ms: ms }) => count(Math.round(ms)),
  },
  {
    ...{ title: "Lost", className: "count minor", isNumber: true },
    hint: "Frames that viewers did not get",
    text: ({ lost_frames: lost }) => count(lost),
  },
  {
    ...{ title: "Twice", className: "count minor", isNumber: true },
    hint: "Frames that viewers got twice",
    text: ({ doubled_frames: doubled }) => count(doubled),
  },
  { title: "Newest failure", className: "reason", text: ({ last_error: error }) => error || "–" },
];

function createServerCell() {
  const dot = create("span", "dot");
  const name = create("span", "name");
  return {
    content: [dot, name],
    update({ origin, live, connecting }) {
      const state = connecting === 0 ? "live" : live === 0 ? "down" : "partly";
      if (!dot.classList.contains(state)) {
        dot.className = `dot ${state}`;
        dot.title = TITLES[state];
        dot.setAttribute("role", "img");
        dot.setAttribute("aria-label", TITLES[state]);
      }
      if (origin === "") setText(name, "none tried yet");
      else setName(name, origin);
    },
  };
}

const TITLES = { live: "all live", partly: "some connecting", down: "none live" };
