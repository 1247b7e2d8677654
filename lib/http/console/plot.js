import { create, setText } from "../pages/dom.js";
import { timeOfDay } from "./format.js";

/** Limits of the time span shown, in seconds. It grows with the data. */
const MIN_SPAN = 60;
const MAX_SPAN = 600;

/** Pointers of all plots move together. */
const SYNC = "console";

/**
 * @typedef {object} PlotOptions
 * @property {string} title
 * @property {{ name: string, color: string }[]} series `color` is a custom property of the style
 * @property {number} height in pixels
 * @property {number} leastTop lowest maximum of the scale, so that silence is a line at the bottom
 * @property {(value: number) => string} format a value in full, with its unit
 * @property {(value: number) => string} shorten a value at the axis
 */

/** Plots values over time, with the newest ones, or those under the pointer, in its head. */
export class Plot {
  #parent;
  #options;
  #plot;
  /** @type {HTMLElement[]} */
  #values;

  /**
   * @param {HTMLElement} parent
   * @param {PlotOptions} options
   */
  constructor(parent, options) {
    this.#options = options;
    const legend = create("div", "legend", create("h3", "", options.title));
    this.#values = options.series.map(({ name, color }) => {
      const value = create("span", "value", "–");
      legend.append(create("span", `key ${color}`, name), value);
      return value;
    });
    this.#parent = create("div", "plot");
    this.#parent.style.height = `${options.height}px`;
    parent.append(legend, this.#parent);
    const empty = [[], ...options.series.map(() => [])];
    this.#plot = new globalThis.uPlot(this.#plotOptions(), empty, this.#parent);
    new ResizeObserver(() => this.#fit()).observe(this.#parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#plot.redraw(false, true);
    });
  }

  /**
   * @param {number[]} times in ms, ascending
   * @param {(number | null)[][]} values of each series
   */
  show(times, values) {
    this.#plot.setData([times.map((ms) => ms / 1000), ...values]);
    this.#showValues();
  }

  #fit() {
    const { clientWidth: width } = this.#parent;
    if (width > 0 && width !== this.#plot.width) {
      this.#plot.setSize({ width, height: this.#options.height });
    }
  }

  #showValues() {
    const { data, cursor } = this.#plot;
    const index = cursor.idx ?? data[0].length - 1;
    for (const [at, element] of this.#values.entries()) {
      const value = data[at + 1][index] ?? null;
      setText(element, value === null ? "–" : this.#options.format(value));
    }
  }

  #plotOptions() {
    const { height, series, leastTop, shorten } = this.#options;
    const axis = {
      stroke: () => colorOf("--muted"),
      grid: { stroke: () => colorOf("--line"), width: 1 },
      ticks: { show: false },
      font: "11px system-ui, sans-serif",
    };
    return {
      width: this.#parent.clientWidth || 300,
      height,
      legend: { show: false },
      cursor: {
        y: false,
        points: { size: 7 },
        drag: { x: false, y: false },
        sync: { key: SYNC },
      },
      hooks: { setCursor: [() => this.#plot && this.#showValues()] },
      scales: {
        x: { time: true, range: ({ data }) => spanOf(data[0]) },
        y: { range: (_, _min, max) => [0, Math.max(leastTop, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, size: 22, space: 80, values: (_, all) => all.map((s) => timeOfDay(s * 1000)) },
        { ...axis, size: 48, space: 20, values: (_, all) => all.map(shorten) },
      ],
      series: [
        {},
        ...series.map(({ name, color }) => ({
          label: name,
          stroke: () => colorOf(`--${color}`),
          fill: () => colorOf(`--${color}-fill`),
          width: 1.5,
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

/** @param {string} name */
function colorOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name);
}
