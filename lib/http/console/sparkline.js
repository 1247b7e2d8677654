const WIDTH = 56;
const HEIGHT = 16;

/** Samples shown: two minutes. */
const SAMPLES = 60;

const SVG = "http://www.w3.org/2000/svg";

/** A small line without axes, beside the number that it belongs to. */
export class Sparkline {
  element = document.createElementNS(SVG, "svg");
  #path = document.createElementNS(SVG, "path");
  #shown = "";

  /** @param {string} className names its color */
  constructor(className) {
    this.element.setAttribute("class", `spark ${className}`);
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("aria-hidden", "true");
    this.element.append(this.#path);
  }

  /**
   * @param {(number | null)[]} values ascending in time, 0 or more
   * @param {number} leastTop lowest maximum of the scale, so that noise is no mountain
   */
  show(values, leastTop) {
    const path = pathOf(values.slice(-SAMPLES), leastTop);
    if (path === this.#shown) return;
    this.#shown = path;
    this.#path.setAttribute("d", path);
  }
}

/** Draws from the right edge, so that the newest value is always there. */
function pathOf(values, leastTop) {
  const top = values.reduce((most, value) => Math.max(most, value ?? 0), leastTop);
  const step = WIDTH / (SAMPLES - 1);
  let path = "";
  let isDrawing = false;
  for (const [at, value] of values.entries()) {
    if (value !== null) {
      const x = WIDTH - (values.length - 1 - at) * step;
      const y = HEIGHT - 1 - (value / top) * (HEIGHT - 2);
      path += `${isDrawing ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    }
    isDrawing = value !== null;
  }
  return path;
}
