import { byId } from "../pages/dom.js";
import { count, plural, rate } from "./format.js";
import { Plot } from "./plot.js";

/** Three plots of a stream or of the whole server, with one pointer. */
export class TrafficView {
  #plots;

  constructor() {
    const parent = byId("plots");
    this.#plots = [
      {
        plot: new Plot(parent, {
          title: "Bit rate",
          series: [{ name: "In", color: "in" }, { name: "Out", color: "out" }],
          height: 128,
          leastTop: 100,
          format: rate,
          shorten: shortRate,
        }),
        valuesOf: ({ received, sent }) => [received, sent],
      },
      {
        plot: new Plot(parent, {
          title: "Viewers",
          series: [{ name: "Whole tree", color: "viewers" }],
          height: 84,
          leastTop: 4,
          format: (value) => plural(value, "viewer"),
          shorten: shortCount,
        }),
        valuesOf: ({ viewers }) => [viewers],
      },
      {
        plot: new Plot(parent, {
          title: "Lag",
          series: [{ name: "Last viewer", color: "lag" }],
          height: 84,
          leastTop: 100,
          format: (ms) => `${count(ms)} ms`,
          shorten: (ms) => ms < 10_000 ? `${count(ms)} ms` : `${count(ms / 1000)} s`,
        }),
        valuesOf: ({ lag }) => [lag],
      },
    ];
  }

  /** @param {import("./rates.js").RateHistory} history */
  show(history) {
    for (const { plot, valuesOf } of this.#plots) plot.show(history.times, valuesOf(history));
  }
}

/** @param {number} kbps */
function shortRate(kbps) {
  if (kbps === 0) return "0";
  if (kbps < 1e3) return `${kbps} k`;
  return kbps < 1e6
    ? `${Number((kbps / 1e3).toFixed(2))} M`
    : `${Number((kbps / 1e6).toFixed(2))} G`;
}

/** Half a viewer is no mark at an axis. @param {number} value */
function shortCount(value) {
  if (!Number.isInteger(value)) return "";
  return value < 10_000 ? count(value) : `${count(Number((value / 1000).toFixed(1)))} k`;
}
