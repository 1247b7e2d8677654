/** What is generated from the program, and where it is. */

import { renderApiPage } from "./api_page.ts";
import { renderBash, renderFish, renderZsh } from "./completions.ts";
import { DOC_MARKS, renderDocTables, renderFullConf, renderFullToml } from "./config_reference.ts";
import { renderJsonSchema } from "./config_schema.ts";
import { renderConfigPage, renderManPage } from "./man_page.ts";
import { renderPrometheusRule } from "./prometheus_rule.ts";

const root = new URL("../", import.meta.url);

/** Returns the text of each file that is generated, by its path. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const doc = Deno.readTextFileSync(new URL("docs/configuration.md", root));
  const begin = doc.indexOf(DOC_MARKS[0]);
  const end = doc.indexOf(DOC_MARKS[1]) + DOC_MARKS[1].length;
  const alerts = Deno.readTextFileSync(new URL("docs/alerts.yml", root));
  // A kustomization may not name files outside of its folder.
  const dashboard = Deno.readTextFileSync(new URL("docs/grafana-dashboard.json", root));
  return {
    "docs/configuration.md": doc.slice(0, begin) + renderDocTables() + doc.slice(end),
    "docs/api.md": renderApiPage(),
    "docs/man/edge.1": renderManPage(),
    "docs/man/edge.conf.5": renderConfigPage(),
    "conf/full.conf": renderFullConf(),
    "conf/full.toml": renderFullToml(),
    "conf/edge.schema.json": renderJsonSchema(),
    "deploy/completions/edge.bash": renderBash(),
    "deploy/completions/edge.fish": renderFish(),
    "deploy/completions/_edge": renderZsh(),
    "deploy/kubernetes/components/monitoring/grafana-dashboard.json": dashboard,
    "deploy/kubernetes/components/monitoring/rules.yaml": renderPrometheusRule(alerts),
  };
}
