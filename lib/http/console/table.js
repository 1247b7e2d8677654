import { create, setText } from "../pages/dom.js";
import { createButton, KeyedList, setAttribute, setName } from "./widgets.js";

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {string} className names its width and its place on small screens
 * @property {boolean} [isNumber]
 * @property {string} [hint] what the title means
 * @property {string} [sort] what the API calls the order by this column
 * @property {(item: any) => string} [text] the cell's text; it may be clipped
 * @property {(first: any) => { content: Node[], update: (item: any) => void }} [create] a cell that
 *   is more than a text
 */

/** A table whose rows the server has chosen and ordered. Its columns never change their width. */
export class DataTable {
  #list;
  #columns;
  /** By name of the order. @type {Map<string, HTMLElement>} */
  #heads = new Map();

  /**
   * @param {{
   *   table: HTMLElement,
   *   columns: Column[],
   *   keyOf: (item: any) => string,
   *   classOf?: (item: any) => string,
   *   onSort: (sort: string) => void,
   *   onOpen?: (item: any) => void,
   * }} options `onOpen`: a row was clicked outside of its buttons
   */
  constructor({ table, columns, keyOf, classOf = () => "", onSort, onOpen }) {
    this.#columns = columns;
    const body = create("tbody");
    table.append(create("thead", "", this.#createHead(onSort)), body);
    body.addEventListener("keydown", moveFocus);
    this.#list = new KeyedList({
      parent: body,
      keyOf,
      create: (first) => this.#createRow(first, classOf, onOpen),
    });
  }

  /**
   * @param {any[]} items
   * @param {string} sort the order that they have
   */
  show(items, sort = "") {
    const name = sort.replace(/^-/, "");
    for (const [key, head] of this.#heads) {
      const order = sort.startsWith("-") ? "descending" : "ascending";
      setAttribute(head, "aria-sort", key === name ? order : null);
    }
    this.#list.show(items);
  }

  #createHead(onSort) {
    const cells = this.#columns.map(({ title, className, hint = "", isNumber, sort }) => {
      const cell = create("th", `${className}${isNumber ? " number" : ""}`);
      cell.scope = "col";
      cell.title = hint;
      if (sort === undefined) cell.append(create("span", "", title));
      else {
        cell.append(createButton(title, () => onSort(nextSort(cell, sort, isNumber)), "sort"));
        this.#heads.set(sort, cell);
      }
      return cell;
    });
    return create("tr", "", ...cells);
  }

  #createRow(first, classOf, onOpen) {
    let item = first;
    const cells = this.#columns.map((column) => createCell(column, first));
    const element = create("tr", "", ...cells.map(({ element }) => element));
    if (onOpen !== undefined) {
      element.addEventListener("click", ({ target }) => {
        const isText = getSelection()?.type === "Range";
        if (!isText && target.closest("button, input, a") === null) onOpen(item);
      });
    }
    return {
      element,
      update(now) {
        item = now;
        for (const { update } of cells) update(now);
        const className = classOf(now);
        if (element.className !== className) element.className = className;
      },
    };
  }
}

/** @param {Column} column */
function createCell({ className, isNumber = false, text, create: createContent }, first) {
  const element = create("td", `${className}${isNumber ? " number" : ""}`);
  if (createContent !== undefined) {
    const { content, update } = createContent(first);
    element.append(...content);
    return { element, update };
  }
  if (!isNumber) return { element, update: (item) => setName(element, text(item)) };
  return {
    element,
    update(item) {
      const shown = text(item);
      setText(element, shown);
      // Where nothing happened is not what the eye should find.
      element.classList.toggle("nothing", shown === "0" || shown === "–");
    },
  };
}

/** The first click shows the largest numbers, or names from A; the second the opposite. */
function nextSort(cell, sort, isNumber) {
  const now = cell.getAttribute("aria-sort");
  if (now === null) return isNumber ? `-${sort}` : sort;
  return now === "ascending" ? `-${sort}` : sort;
}

/** Arrow keys move between the same buttons of neighbouring rows. @param {KeyboardEvent} event */
function moveFocus(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  const cell = event.target.closest("td");
  if (step === undefined || cell === null) return;
  const next = cell.parentElement[step]?.cells[cell.cellIndex]?.querySelector("button, input");
  if (!next) return;
  event.preventDefault();
  next.focus();
}
