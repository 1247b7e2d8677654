import { byId, create, setText } from "../pages/dom.js";
import { count, duration, rate, size } from "./format.js";

/** Label and value of each total. */
const TOTALS = [
  ["In", ({ latest }) => rate(latest.received)],
  ["Out", ({ latest }) => rate(latest.sent)],
  ["Streams", ({ streams }) => count(streams)],
  ["Clients", ({ summary }) => count(summary.system.conn_srs)],
  ["Viewers", ({ summary }) => count(summary.audience.players)],
  ["CPU", ({ summary }) => `${Math.round(summary.self.cpu_percent * 100)} %`],
  ["Memory", ({ summary }) => size(summary.self.mem_kbyte * 1024)],
  ["Uptime", ({ summary }) => duration(summary.self.srs_uptime)],
];

/** Shows the totals of the server. */
export class TotalsView {
  /** @type {{ value: HTMLElement, describe: (now: any) => string }[]} */
  #totals;

  constructor() {
    this.#totals = TOTALS.map(([name, describe]) => {
      const value = create("dd", "", "–");
      byId("totals").append(create("div", "", create("dt", "", name), value));
      return { value, describe };
    });
  }

  /**
   * @param {{
   *   summary: any,
   *   streams: number,
   *   latest: { received: number | null, sent: number | null },
   * }} now
   */
  show(now) {
    for (const { value, describe } of this.#totals) setText(value, describe(now));
  }
}
