import { kick } from "./api.js";
import { byId, create, createButton, KeyedList, setName, setText } from "./dom.js";
import { count, duration, rate, streamName } from "./format.js";
import { CLIENT_TYPES } from "./streams_view.js";

/** Rows shown at first, and added by each click on "Show more". */
const PAGE_ROWS = 100;

/** Time for the second click that confirms a kick. */
const CONFIRM_MS = 4000;

/** The table of clients, with a filter and a Kick button per client. */
export class ClientsView {
  #list;
  #filter = byId("clients-filter");
  #more = byId("clients-more");
  #maxRows = PAGE_ROWS;
  /** @type {any[]} */
  #clients = [];
  #total = 0;

  /** @param {{ onKicked: () => void }} actions */
  constructor({ onKicked }) {
    this.#list = new KeyedList({
      parent: byId("client-rows"),
      keyOf: ({ id }) => id,
      create: ({ id }) => createRow(id, onKicked),
    });
    this.#filter.addEventListener("input", () => {
      this.#maxRows = PAGE_ROWS;
      this.#show();
    });
    this.#more.addEventListener("click", () => {
      this.#maxRows += PAGE_ROWS;
      this.#show();
    });
  }

  /**
   * @param {any[]} clients from the API
   * @param {number} total including clients that the API did not list
   */
  show(clients, total) {
    this.#clients = clients;
    this.#total = total;
    this.#show();
  }

  /** Shows only clients that contain `text`. @param {string} text */
  filter(text) {
    this.#filter.value = text;
    this.#filter.dispatchEvent(new Event("input"));
    this.#filter.focus();
    byId("clients").scrollIntoView();
  }

  #show() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = this.#clients.filter((client) => searchText(client).includes(wanted));
    const shown = found.slice(0, this.#maxRows);
    this.#list.show(shown);
    setText(byId("clients-count"), this.#describeCount(found.length));
    const empty = byId("clients-empty");
    empty.hidden = found.length > 0;
    setText(empty, wanted === "" ? "No clients." : "No matching clients.");
    this.#more.hidden = shown.length === found.length;
    setText(this.#more, `Show more of ${count(found.length)}`);
  }

  /** @param {number} foundCount */
  #describeCount(foundCount) {
    if (this.#total === 0) return "";
    const all = this.#total > this.#clients.length
      ? `the first ${count(this.#clients.length)} of ${count(this.#total)}`
      : count(this.#total);
    return this.#filter.value.trim() === "" ? all : `${count(foundCount)} found in ${all}`;
  }
}

/** @param {any} client */
function searchText({ id, ip, url, type, pageUrl }) {
  return [id, ip, streamName(url), CLIENT_TYPES[type] ?? type, pageUrl].join("\n").toLowerCase();
}

/**
 * @param {string} id
 * @param {() => void} onKicked
 */
function createRow(id, onKicked) {
  const cells = {
    id: create("td", "id"),
    ip: create("td", "ip name"),
    stream: create("td", "stream-name name"),
    type: create("td", "type"),
    age: create("td", "age number"),
    rate: create("td", "rate number"),
    skips: create("td", "skips number"),
    action: create("td", "action", createKickButton(id, onKicked)),
  };
  return {
    element: create("tr", "", ...Object.values(cells)),
    update(client) {
      const { publish, kbps, skips, waiting, reserve } = client;
      setText(cells.id, id);
      setName(cells.ip, client.ip);
      setName(cells.stream, streamName(client.url));
      const type = CLIENT_TYPES[client.type] ?? client.type;
      setText(cells.type, reserve ? `${type}, stands by` : type);
      setText(cells.age, duration(client.alive));
      setText(cells.rate, waiting ? "waiting" : rate(publish ? kbps.recv_30s : kbps.send_30s));
      setText(cells.skips, skips === 0 ? "" : count(skips));
    },
  };
}

/**
 * @param {string} id
 * @param {() => void} onKicked
 */
function createKickButton(id, onKicked) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const button = createButton("Kick", async () => {
    clearTimeout(timer);
    if (!button.classList.contains("confirming")) {
      button.classList.add("confirming");
      setText(button, "Sure?");
      timer = setTimeout(reset, CONFIRM_MS);
      return;
    }
    button.disabled = true;
    try {
      setText(button, await kick(id) ? "Kicked" : "Gone");
      onKicked();
    } catch {
      setText(button, "Failed");
      button.disabled = false;
      timer = setTimeout(reset, CONFIRM_MS);
    }
  });
  const reset = () => {
    button.classList.remove("confirming");
    setText(button, "Kick");
  };
  button.classList.add("kick");
  button.setAttribute("aria-label", `Kick ${id}`);
  return button;
}
