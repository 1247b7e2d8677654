import { VIEWS } from "./state.js";

/**
 * Keys for the whole page: `/` searches, `1` to `6` choose a list, Escape closes the selected
 * stream.
 *
 * @param {{
 *   onSearch: () => void,
 *   onView: (view: import("./state.js").ViewName) => void,
 *   onClose: () => void,
 * }} actions
 */
export function listenToKeys({ onSearch, onView, onClose }) {
  document.addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    const isTyping = target.closest("input, select, textarea, dialog") !== null;
    if (isTyping || ctrlKey || metaKey || altKey || event.defaultPrevented) return;
    const view = /^[1-9]$/.test(key) ? VIEWS[Number(key) - 1] : undefined;
    if (key === "/") onSearch();
    else if (view !== undefined) onView(view);
    else if (key === "Escape") onClose();
    else return;
    event.preventDefault();
  });
}
