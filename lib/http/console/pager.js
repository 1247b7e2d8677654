import { create, setText } from "../pages/dom.js";
import { count } from "./format.js";
import { createButton } from "./widgets.js";

/** Rows of a page. */
export const PAGE_ROWS = 50;

/** Says which entries of a list are shown, and turns the page. */
export class Pager {
  #range = create("span", "range");
  #previous;
  #next;
  #start = 0;

  /**
   * @param {HTMLElement} parent
   * @param {(start: string) => void} onTurn
   */
  constructor(parent, onTurn) {
    const turn = (pages) => onTurn(String(Math.max(0, this.#start + pages * PAGE_ROWS) || ""));
    this.#previous = createButton("‹", () => turn(-1), "turn");
    this.#next = createButton("›", () => turn(1), "turn");
    this.#previous.setAttribute("aria-label", "Previous page");
    this.#next.setAttribute("aria-label", "Next page");
    parent.append(this.#range, this.#previous, this.#next);
  }

  /** @param {number} start @param {number} shown @param {number} total */
  show(start, shown, total) {
    this.#start = start;
    const text = total === 0
      ? "None"
      : `${count(Math.min(start + 1, total))}–${count(start + shown)} of ${count(total)}`;
    setText(this.#range, text);
    this.#previous.disabled = start === 0;
    this.#next.disabled = start + shown >= total;
  }
}
