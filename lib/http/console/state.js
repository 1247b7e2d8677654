/** The lists of the page, in the order of their tabs. */
export const VIEWS = /** @type {const} */ ([
  "streams",
  "clients",
  "upstreams",
  "edges",
  "events",
  "bans",
]);

/** @typedef {typeof VIEWS[number]} ViewName */

/** Longest time without another letter before the server is asked, in ms. */
const TYPING_MS = 100;

/**
 * What the page shows: a list with its filters, order and first entry; what is searched for; the
 * stream that is selected. It stands in the address, so that a page can be reloaded and passed on.
 */
export class PageState {
  /** @type {ViewName} */
  view = "streams";
  search = "";
  /** Id of the selected stream; empty for none. */
  streamId = "";
  /** `sort`, `start` and filters of each list. @type {Map<ViewName, Record<string, string>>} */
  #queries = new Map();
  #onChange;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;
  /** What is searched for at the next change, or when the user pauses. @type {string | null} */
  #typed = null;

  /** @param {() => void} onChange called after every change, also that of the address */
  constructor(onChange) {
    this.#onChange = onChange;
    globalThis.addEventListener("hashchange", () => {
      if (location.hash === this.#hash()) return;
      this.#read();
      onChange();
    });
    this.#read();
  }

  /** The query of a list, as the API takes it, without `search`. @param {ViewName} view */
  queryOf(view) {
    return this.#queries.get(view) ?? {};
  }

  /** @param {Partial<{ view: ViewName, search: string, streamId: string }>} change */
  set(change) {
    clearTimeout(this.#typing);
    if (this.#typed !== null) change = { search: this.#typed, ...change };
    this.#typed = null;
    const isOther = change.view !== undefined && change.view !== this.view;
    if (change.search !== undefined && change.search !== this.search) {
      for (const view of VIEWS) this.#merge(view, { start: "" });
    }
    Object.assign(this, change);
    this.#write(isOther);
    this.#onChange();
  }

  /** Searches when the user pauses. @param {string} search */
  type(search) {
    clearTimeout(this.#typing);
    this.#typed = search;
    this.#typing = setTimeout(() => this.set({}), TYPING_MS);
  }

  /**
   * Changes the query of a list; another order or filter begins at its first entry.
   *
   * @param {ViewName} view
   * @param {Record<string, string>} change empty texts remove a parameter
   */
  refine(view, change) {
    this.#merge(view, "start" in change ? change : { ...change, start: "" });
    this.set({ view });
  }

  #merge(view, change) {
    const merged = Object.entries({ ...this.queryOf(view), ...change });
    this.#queries.set(view, Object.fromEntries(merged.filter(([, value]) => value !== "")));
  }

  #read() {
    const [name, text = ""] = split(location.hash);
    const params = new URLSearchParams(text);
    this.view = VIEWS.find((view) => view === name) ?? "streams";
    this.search = params.get("search") ?? "";
    this.streamId = params.get("selected") ?? "";
    for (const own of ["search", "selected"]) params.delete(own);
    this.#queries.set(this.view, Object.fromEntries(params));
  }

  /** @param {boolean} isOther whether another list is shown: then "Back" returns to this one */
  #write(isOther) {
    const hash = this.#hash();
    if (hash === location.hash) return;
    if (isOther) history.pushState(null, "", hash);
    else history.replaceState(null, "", hash);
  }

  #hash() {
    const params = new URLSearchParams(this.queryOf(this.view));
    if (this.search !== "") params.set("search", this.search);
    if (this.streamId !== "") params.set("selected", this.streamId);
    return `#/${this.view}${params.size === 0 ? "" : `?${params}`}`;
  }
}

/** Not the id of an element: browsers would scroll to it. @param {string} hash `#/NAME?QUERY` */
function split(hash) {
  const [name, ...rest] = hash.slice(2).split("?");
  return [name, rest.join("?")];
}
