/** Helpers for elements. Names come from clients, so text is always set as text. */

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
 * @returns {any}
 */
export function create(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
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
