/** Who is connected, and the button that disconnects. */

import { kick } from "./api.js";
import { byId, create, createButton, KeyedList, setName, setText } from "./dom.js";
import { count, duration, rate, streamName } from "./format.js";
import { CLIENT_KINDS } from "./streams_view.js";

/** Rows at first, and more with each press of the button. */
const PAGE_ROWS = 100;

/** A kick wants a second press within this time. */
const CONFIRM_MS = 4000;

/** See the file comment. */
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
   * @param {any[]} clients of the API
   * @param {number} total clients there are
   */
  show(clients, total) {
    this.#clients = clients;
    this.#total = total;
    this.#show();
  }

  /** Shows only clients that have `text` somewhere. @param {string} text */
  filter(text) {
    this.#filter.value = text;
    this.#filter.dispatchEvent(new Event("input"));
    this.#filter.focus();
    byId("clients").scrollIntoView();
  }

  #show() {
    const wanted = this.#filter.value.trim().toLowerCase();
    const found = this.#clients.filter((client) => wordsOf(client).includes(wanted));
    const shown = found.slice(0, this.#maxRows);
    this.#list.show(shown);
    setText(byId("clients-count"), this.#describeCount(found.length));
    const empty = byId("clients-empty");
    empty.hidden = found.length > 0;
    setText(empty, wanted === "" ? "No clients." : "No client is like that.");
    this.#more.hidden = shown.length === found.length;
    setText(this.#more, `Show more of ${count(found.length)}`);
  }

  /** @param {number} foundCount */
  #describeCount(foundCount) {
    if (this.#total === 0) return "";
    const all = this.#total > this.#clients.length
      ? `the first ${count(this.#clients.length)} of ${count(this.#total)}`
      : count(this.#total);
    return this.#filter.value.trim() === "" ? all : `${count(foundCount)} in ${all}`;
  }
}

/** @param {any} client */
function wordsOf({ id, ip, url, type, pageUrl }) {
  return [id, ip, streamName(url), CLIENT_KINDS[type] ?? type, pageUrl].join("\n").toLowerCase();
}

/**
 * @param {string} id
 * @param {() => void} onKicked
 */
function createRow(id, onKicked) {
  const cells = {
    id: create("td", "id"),
    ip: create("td", "ip name"),
    stream: create("td", "of name"),
    kind: create("td", "kind"),
    age: create("td", "age number"),
    rate: create("td", "rate number"),
    skips: create("td", "skips number"),
    action: create("td", "action", createKickButton(id, onKicked)),
  };
  return {
    element: create("tr", "", ...Object.values(cells)),
    update(client) {
      const { publish, kbps, skips, waiting } = client;
      setText(cells.id, id);
      setName(cells.ip, client.ip);
      setName(cells.stream, streamName(client.url));
      setText(cells.kind, CLIENT_KINDS[client.type] ?? client.type);
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
    if (!button.classList.contains("sure")) {
      button.classList.add("sure");
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
    button.classList.remove("sure");
    setText(button, "Kick");
  };
  button.classList.add("kick");
  button.setAttribute("aria-label", `Kick ${id}`);
  return button;
}
