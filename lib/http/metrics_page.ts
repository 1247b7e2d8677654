import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { DelaySnapshot } from "../monitor/server_view.ts";

/** Labels of a sample. */
export type Labels = Readonly<Record<string, string>>;

/** Values of a metric with their labels. */
export type Samples = readonly (readonly [labels: Labels, value: number])[];

/** Collects metrics, for Prometheus. */
export class MetricsPage {
  readonly #registry = new Registry();

  gauge(name: string, help: string, samples: number | Samples): void {
    const list = listOf(samples);
    const gauge = new Gauge({ name, help, labelNames: namesIn(list), registers: [this.#registry] });
    for (const [labels, value] of list) gauge.set(labels, value);
  }

  /** @param name Must end in `_total`. */
  counter(name: string, help: string, samples: number | Samples): void {
    const list = listOf(samples);
    const counter = new Counter({
      name,
      help,
      labelNames: namesIn(list),
      registers: [this.#registry],
    });
    for (const [labels, value] of list) counter.inc(labels, value);
  }

  delays(name: string, help: string, delays: DelaySnapshot): void {
    this.#registry.registerMetric(new CountedHistogram(name, help, delays));
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }
}

/** A histogram whose values were counted elsewhere. */
class CountedHistogram extends Histogram {
  readonly #result;

  constructor(name: string, help: string, delays: DelaySnapshot) {
    super({ name, help, registers: [] });
    this.#result = { name, help, type: "histogram", values: bucketsOf(name, delays) };
  }

  /** Called by the registry. */
  getForPromString() {
    return Promise.resolve(this.#result);
  }
}

function bucketsOf(name: string, { boundsSeconds, counts, sumSeconds }: DelaySnapshot) {
  const bounds = [...boundsSeconds.map(String), "+Inf"];
  let sum = 0;
  const buckets = counts.map((count, at) => {
    sum += count;
    return { metricName: `${name}_bucket`, labels: { le: bounds[at]! }, value: sum };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sumSeconds },
    { metricName: `${name}_count`, labels: {}, value: sum },
  ];
}

function listOf(samples: number | Samples): Samples {
  return typeof samples === "number" ? [[{}, samples]] : samples;
}

/** All samples of a metric have the same labels. */
function namesIn(samples: Samples): string[] {
  return Object.keys(samples[0]?.[0] ?? {});
}
