import { create, setText } from "./dom.js";
import { count, duration, rate, size } from "./format.js";

/** Label and value of each total. */
const TOTALS = [
  ["In", ({ latest }) => rate(latest.received)],
  ["Out", ({ latest }) => rate(latest.sent)],
  ["Streams", ({ snapshot }) => count(snapshot.streamTotal)],
  ["Clients", ({ snapshot }) => count(snapshot.clientTotal)],
  ["CPU", ({ snapshot }) => `${Math.round(snapshot.summary.self.cpu_percent * 100)} %`],
  ["Memory", ({ snapshot }) => size(snapshot.summary.self.mem_kbyte * 1024)],
  ["Uptime", ({ snapshot }) => duration(snapshot.summary.self.srs_uptime)],
];

/** Shows the totals of the server. */
export class TotalsView {
  /** @type {{ value: HTMLElement, describe: (now: any) => string }[]} */
  #totals;

  /** @param {HTMLElement} parent a definition list */
  constructor(parent) {
    this.#totals = TOTALS.map(([name, describe]) => {
      const value = create("dd", "", "–");
      parent.append(create("div", "", create("dt", "", name), value));
      return { value, describe };
    });
  }

  /** @param {{ snapshot: any, latest: { received: number | null, sent: number | null } }} now */
  show(now) {
    for (const { value, describe } of this.#totals) setText(value, describe(now));
  }
}
