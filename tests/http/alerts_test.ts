/** `docs/alerts.yml` and the dashboard name metrics that the server has. */

import { createMetricsRoutes } from "../../lib/http/metrics_routes.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { findPrograms } from "../helpers/programs.ts";
import { needs } from "../helpers/permissions.ts";
import { FakeView } from "./fake_view.ts";

const root = new URL("../../", import.meta.url);

const granted = await needs("run", "read");

for (const path of ["docs/alerts.yml", "docs/grafana-dashboard.json"]) {
  Deno.test({
    ...granted,
    name: `every metric in ${path} exists`,
    fn: async () => {
      const text = Deno.readTextFileSync(new URL(path, root));
      const page = await (await createMetricsRoutes(new FakeView(), () =>
        false).request("/metrics")).text();
      const known = new Set(Array.from(page.matchAll(/^# TYPE (\w+)/gm), ([, name]) => name!));
      const named = Array.from(
        text.matchAll(/\bedge_\w+/g),
        ([name]) => name.replace(/_(bucket|sum|count)$/, ""),
      );
      assert(named.length > 10, path);
      assertEquals([...new Set(named)].filter((name) => !known.has(name)), []);
    },
  });
}

const hasPromtool = !granted.ignore && (await findPrograms(["promtool"])).length === 1;

Deno.test({
  name: "the alert about reserves fires after two minutes, and ends with its cause",
  ignore: !hasPromtool,
  async fn() {
    const path = new URL("tests/fixtures/reserve_alert.yml", root).pathname;
    const command = new Deno.Command("promtool", { args: ["test", "rules", path] });
    const { success, stdout, stderr } = await command.output();
    assert(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
  },
});

Deno.test({
  name: "promtool accepts docs/alerts.yml",
  ignore: !hasPromtool,
  async fn() {
    const path = new URL("docs/alerts.yml", root).pathname;
    const command = new Deno.Command("promtool", { args: ["check", "rules", path] });
    const { success, stderr } = await command.output();
    assert(success, new TextDecoder().decode(stderr));
  },
});
