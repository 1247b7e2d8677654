import { byId, create, setText } from "../pages/dom.js";
import { count, duration, plural, streamName } from "./format.js";
import { ListView } from "./list_view.js";
import { createButton, setAttribute } from "./widgets.js";

/** Display names of the API's client types. */
export const CLIENT_TYPES = {
  "rtmp-play": "RTMP player",
  "flv-play": "HTTP-FLV player",
  "hls-play": "HLS viewer",
  "fmle-publish": "RTMP publisher",
};

/** The table of clients, and what is done to those that are chosen. */
export class ClientsView {
  #view;
  /** Ids of the clients whose boxes are ticked. @type {Set<string>} */
  #chosen = new Set();
  #shown = { items: [], total: 0, query: {}, search: "" };
  #kickChosen;
  #kickFound;
  #ofStream;

  /**
   * @param {{
   *   refine: (change: Record<string, string>) => void,
   *   onKick: (clients: any[]) => void,
   *   onKickFound: (query: Record<string, string>, total: number) => void,
   * }} actions
   */
  constructor({ refine, onKick, onKickFound }) {
    this.#view = new ListView({
      name: "clients",
      none: "No clients.",
      refine,
      table: {
        keyOf: ({ id }) => id,
        classOf: ({ id }) => this.#chosen.has(id) ? "selected" : "",
        columns: [
          { title: "Choose", className: "choose unnamed", create: ({ id }) => this.#createBox(id) },
          ...COLUMNS,
          {
            ...{ title: "Action", className: "action unnamed" },
            create: (first) => createKick(first, (client) => onKick([client])),
          },
        ],
      },
    });
    const actions = byId("clients-actions");
    this.#ofStream = createButton("", () => refine({ stream: "" }), "chip name");
    this.#kickChosen = createButton("", () => onKick(this.#chosenClients()), "danger");
    this.#kickFound = createButton("", () => {
      const { query: { stream = "", type = "" }, search, total } = this.#shown;
      onKickFound({ stream, type, search }, total);
    }, "danger");
    actions.append(this.#ofStream, this.#kickChosen, this.#kickFound);
  }

  /** @param {import("./list_view.js").ListAnswer} answer */
  show(answer) {
    this.#shown = answer;
    const present = new Set(answer.items.map(({ id }) => id));
    for (const id of this.#chosen) if (!present.has(id)) this.#chosen.delete(id);
    this.#view.show(answer);
    this.#showActions();
  }

  #showActions() {
    const { query: { stream = "", type = "" }, search, total } = this.#shown;
    this.#ofStream.hidden = stream === "";
    setText(this.#ofStream, `Of ${streamName(stream)} ✕`);
    this.#ofStream.setAttribute("aria-label", `Not only clients of ${streamName(stream)}`);
    this.#kickChosen.hidden = this.#chosen.size === 0;
    setText(this.#kickChosen, `Kick ${count(this.#chosen.size)} chosen…`);
    const isNarrow = stream !== "" || type !== "" || search !== "";
    this.#kickFound.hidden = !isNarrow || total === 0 || this.#chosen.size > 0;
    setText(this.#kickFound, `Kick all ${count(total)} found…`);
  }

  #chosenClients() {
    return this.#shown.items.filter(({ id }) => this.#chosen.has(id));
  }

  #createBox(id) {
    const box = create("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Choose ${id}`);
    box.addEventListener("change", () => {
      if (box.checked) this.#chosen.add(id);
      else this.#chosen.delete(id);
      this.show(this.#shown);
    });
    return {
      content: [box],
      update: () => {
        box.checked = this.#chosen.has(id);
      },
    };
  }
}

const COLUMNS = [
  { title: "Client", className: "id", sort: "id", text: ({ id }) => id },
  { title: "Address", className: "ip", sort: "ip", text: ({ ip }) => ip },
  { title: "Stream", className: "stream", sort: "stream", text: ({ url }) => streamName(url) },
  { title: "Type", className: "type", text: describeType },
  {
    ...{ title: "Connected", className: "age", isNumber: true, sort: "age" },
    text: ({ alive }) => duration(alive),
  },
  {
    ...{ title: "kbit/s", className: "rate", isNumber: true, sort: "rate" },
    hint: "Sent to it, or received from a publisher, averaged over 30 s",
    text: ({ publish, kbps, waiting }) =>
      waiting ? "waiting" : count(publish ? kbps.recv_30s : kbps.send_30s),
  },
  {
    ...{ title: "Skips", className: "skips", isNumber: true, sort: "skips" },
    hint: "How often it lagged too far and skipped to a newer keyframe",
    text: ({ skips }) => count(skips),
  },
];

function describeType({ type, reserve, edge }) {
  if (edge !== null) return `Edge ${edge.name}`;
  const name = CLIENT_TYPES[type] ?? type;
  return reserve ? `${name}, stands by` : name;
}

function createKick(first, onKick) {
  let client = first;
  const button = createButton("Kick", () => onKick(client), "small");
  setAttribute(button, "aria-label", `Kick ${first.id}`);
  return {
    content: [button],
    update: (now) => {
      client = now;
    },
  };
}

/** Names clients in a question: `c12`, or `3 clients`. @param {any[]} clients */
export function nameClients(clients) {
  return clients.length === 1 ? clients[0].id : plural(clients.length, "client");
}
