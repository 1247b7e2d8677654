/**
 * Creates elements and updates them in place. Names come from clients, so text is always set as
 * text, never as markup.
 */

import { printable } from "./format.js";

/**
 * Returns the element of the page with this id.
 *
 * @param {string} id
 * @returns {any} typed loosely, since each caller knows its element
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {(Node | string)[]} children
 */
export function create(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

/**
 * @param {string} text
 * @param {() => void} onClick
 */
export function createButton(text, onClick) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.addEventListener("click", onClick);
  return button;
}

/**
 * Sets the text if it differs: an unchanged text keeps its selection and is not read out again.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets a name that may be clipped; the tooltip shows all of it.
 *
 * @param {HTMLElement} element
 * @param {string} name
 */
export function setName(element, name) {
  const text = printable(name);
  setText(element, text);
  if (element.title !== text) element.title = text;
}

/** One child element per list item. An element is reused for as long as its item is in the list. */
export class KeyedList {
  #parent;
  #keyOf;
  #create;
  /** @type {Map<string, { element: HTMLElement, update: (item: any) => void }>} */
  #rows = new Map();

  /**
   * @param {{
   *   parent: HTMLElement,
   *   keyOf: (item: any) => string,
   *   create: (item: any) => { element: HTMLElement, update: (item: any) => void },
   * }} options
   */
  constructor({ parent, keyOf, create }) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  /** @param {any[]} items */
  show(items) {
    const rows = new Map();
    for (const item of items) {
      const key = this.#keyOf(item);
      const row = this.#rows.get(key) ?? this.#create(item);
      row.update(item);
      rows.set(key, row);
    }
    for (const [key, { element }] of this.#rows) {
      if (!rows.has(key)) element.remove();
    }
    this.#rows = rows;
    this.#order();
  }

  /** Moves only elements that are out of order: a moved element loses the focus. */
  #order() {
    let next = this.#parent.firstElementChild;
    for (const { element } of this.#rows.values()) {
      if (element === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(element, next);
    }
  }
}
