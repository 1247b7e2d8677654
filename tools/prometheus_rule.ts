/** The alert rules for the Prometheus operator. */

const COMMENT = "# Made from docs/alerts.yml by `deno task docs`. Change the rules there.\n";

/** Returns the PrometheusRule that has the groups of `alerts`, the text of `docs/alerts.yml`. */
export function renderPrometheusRule(alerts: string): string {
  const groups = alerts.slice(alerts.search(/^groups:$/m)).trimEnd();
  const object = ["apiVersion: monitoring.coreos.com/v1", "kind: PrometheusRule"];
  const indented = groups.split("\n").map((line) => line === "" ? "" : `  ${line}`);
  return `${COMMENT}${[...object, "metadata:", "  name: edge", "spec:", ...indented].join("\n")}\n`;
}
