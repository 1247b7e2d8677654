/**
 * Elements that are updated in place. Names come from clients, so text is always set as text, never
 * as markup.
 */

import { create, setText } from "../pages/dom.js";
import { printable } from "./format.js";

/**
 * @param {string} text
 * @param {() => void} onClick
 * @param {string} [className]
 */
export function createButton(text, onClick, className = "") {
  const button = create("button", className, text);
  button.type = "button";
  button.addEventListener("click", onClick);
  return button;
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

/** Sets an attribute if it differs. @param {Element} element */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
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
