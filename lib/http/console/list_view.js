import { byId, setText } from "../pages/dom.js";
import { DataTable } from "./table.js";

/**
 * @typedef {object} ListAnswer
 * @property {any[]} items
 * @property {number} total
 * @property {Record<string, string>} query `sort`, `start` and filters
 * @property {string} search
 */

/** One list of the page: its filters and its table. */
export class ListView {
  #name;
  #empty;
  /** @type {DataTable} */
  #table;

  /**
   * @param {{
   *   name: import("./state.js").ViewName,
   *   none: string,
   *   refine: (change: Record<string, string>) => void,
   *   table: Omit<ConstructorParameters<typeof DataTable>[0], "table" | "onSort">,
   * }} options `none`: what an empty list says
   */
  constructor({ name, none, refine, table }) {
    this.#name = name;
    this.#table = new DataTable({
      ...table,
      table: byId(`${name}-table`),
      onSort: (sort) => refine({ sort }),
    });
    this.#empty = { element: byId(`${name}-empty`), none };
    for (const filter of this.#filters()) {
      filter.addEventListener("change", () => refine({ [filter.dataset.filter]: filter.value }));
    }
  }

  /** @param {ListAnswer} answer */
  show({ items, query, search }) {
    const filters = this.#filters();
    for (const filter of filters) filter.value = query[filter.dataset.filter] ?? "";
    this.#table.show(items, query.sort);
    const isNarrow = search !== "" || filters.some(({ value }) => value !== "");
    this.#empty.element.hidden = items.length > 0;
    setText(this.#empty.element, isNarrow ? "Nothing matches." : this.#empty.none);
  }

  /** @returns {HTMLSelectElement[]} */
  #filters() {
    return [...byId(this.#name).querySelectorAll("[data-filter]")];
  }
}
