import { create, setText } from "./dom.js";
import { rate } from "./format.js";

const HEIGHT = 168;

/** Limits of the time span shown, in seconds. It grows with the data. */
const MIN_SPAN = 60;
const MAX_SPAN = 600;

/** Lowest maximum of the scale, in kbit/s, so that silence is a line at the bottom. */
const MIN_TOP = 100;

const SERIES = [
  { name: "In", color: "--in", fill: "--in-fill" },
  { name: "Out", color: "--out", fill: "--out-fill" },
];

/** Plots received and sent kbit/s over time. */
export class Plot {
  #parent;
  #plot;
  /** @type {HTMLElement[]} */
  #values;

  /**
   * @param {HTMLElement} parent
   * @param {HTMLElement} legend
   */
  constructor(parent, legend) {
    this.#parent = parent;
    this.#values = SERIES.map(({ name }) => {
      const value = create("span", "value", "–");
      legend.append(create("span", `key ${name.toLowerCase()}`, name), value);
      return value;
    });
    this.#plot = new globalThis.uPlot(this.#options(), [[], [], []], parent);
    new ResizeObserver(() => this.#fit()).observe(parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#plot.redraw(false, true);
    });
  }

  /** @param {import("./rates.js").RateHistory} history */
  show({ times, received, sent }) {
    this.#plot.setData([times.map((ms) => ms / 1000), received, sent]);
    this.#showValues();
  }

  #fit() {
    this.#plot.setSize({ width: this.#parent.clientWidth, height: HEIGHT });
  }

  /** Shows the values under the pointer, or the newest ones. */
  #showValues() {
    const { data, cursor } = this.#plot;
    const index = cursor.idx ?? data[0].length - 1;
    for (const [at, value] of this.#values.entries()) {
      setText(value, rate(data[at + 1][index] ?? null));
    }
  }

  #options() {
    const axis = {
      stroke: () => colorOf("--muted"),
      grid: { stroke: () => colorOf("--line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    return {
      width: this.#parent.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      hooks: { setCursor: [() => this.#plot && this.#showValues()] },
      scales: {
        x: { time: true, range: ({ data }) => spanOf(data[0]) },
        y: { range: (_, _min, max) => [0, Math.max(MIN_TOP, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, seconds) => seconds.map(timeOfDay) },
        { ...axis, size: 56, space: 34, values: (_, kbps) => kbps.map(shorten) },
      ],
      series: [
        {},
        ...SERIES.map(({ name, color, fill }) => ({
          label: name,
          stroke: () => colorOf(color),
          fill: () => colorOf(fill),
          width: 1.75,
          points: { show: false },
        })),
      ],
    };
  }
}

/** @param {number[]} times in seconds, ascending */
function spanOf(times) {
  const end = times.at(-1) ?? Date.now() / 1000;
  const span = end - (times[0] ?? end);
  return [end - Math.min(MAX_SPAN, Math.max(MIN_SPAN, span)), end];
}

/** @param {number} seconds */
function timeOfDay(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString("en-GB");
}

/** @param {number} kbps */
function shorten(kbps) {
  if (kbps === 0) return "0";
  return kbps < 1000 ? `${kbps} k` : `${Number((kbps / 1000).toFixed(2))} M`;
}

/** @param {string} name */
function colorOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}
