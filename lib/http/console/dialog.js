import { byId, create, setText } from "../pages/dom.js";
import { createButton } from "./widgets.js";

/**
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {string} action what the button says that does it
 * @property {Field[]} fields
 * @property {(values: Record<string, string>) => Promise<string[]>} act does it; returns what
 *   became of it, a line each, or nothing when that needs no words
 */

/**
 * @typedef {object} Field
 * @property {string} name
 * @property {string} label
 * @property {[value: string, text: string][]} [choices] a text field when absent
 * @property {string} [placeholder]
 */

/** Asks before something is done that cannot be undone, and says what became of it. */
export class ConfirmDialog {
  /** @type {HTMLDialogElement} */
  #dialog = byId("dialog");
  #form = byId("dialog-form");
  #fields = byId("dialog-fields");
  #result = byId("dialog-result");
  #act = byId("dialog-act");
  #cancel;
  /** @type {Question | null} */
  #question = null;

  constructor() {
    this.#cancel = createButton("Cancel", () => this.#dialog.close());
    this.#act.before(this.#cancel);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#submit();
    });
  }

  /** @param {Question} question */
  ask(question) {
    this.#question = question;
    setText(byId("dialog-title"), question.title);
    setText(byId("dialog-text"), question.text);
    byId("dialog-text").hidden = question.text === "";
    setText(this.#act, question.action);
    setText(this.#cancel, "Cancel");
    this.#act.hidden = false;
    this.#act.disabled = false;
    this.#result.replaceChildren();
    this.#fields.replaceChildren(...question.fields.map(createField));
    this.#dialog.showModal();
    this.#act.focus();
  }

  async #submit() {
    const question = this.#question;
    if (question === null || this.#act.disabled) return;
    this.#act.disabled = true;
    const values = Object.fromEntries(new FormData(this.#form));
    let lines;
    try {
      lines = await question.act(values);
    } catch (error) {
      lines = [error instanceof TypeError ? "No answer from the server." : error.message];
    }
    if (question !== this.#question || !this.#dialog.open) return;
    if (lines.length === 0) return this.#dialog.close();
    this.#result.replaceChildren(...lines.map((line) => create("p", "", line)));
    this.#act.hidden = true;
    setText(this.#cancel, "Close");
    this.#cancel.focus();
  }
}

/** @param {Field} field */
function createField({ name, label, choices, placeholder = "" }) {
  const input = choices === undefined ? create("input") : create("select");
  input.name = name;
  if (choices === undefined) input.placeholder = placeholder;
  else input.append(...choices.map(([value, text]) => new Option(text, value)));
  return create("label", "", create("span", "", label), input);
}
