import { defaultConfig } from "../../lib/config/parse_config.ts";
import { DEFAULT_VHOST } from "../../lib/config/config.ts";
import { askDestinations } from "../../lib/server/forward_hook.ts";
import { HookClient } from "../../lib/server/hook_client.ts";
import { assertEquals } from "../helpers/assert.ts";
import { requestFor } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";

const CASES: readonly [answer: string, status: number, found: readonly string[] | null][] = [
  ['{"code":0,"data":{"urls":["rtmp://a/live/x","10.0.0.2"]}}', 200, [
    "rtmp://a/live/x",
    "10.0.0.2",
  ]],
  ['{"code":0,"data":{"urls":[]}}', 200, []],
  ['{"code":0,"data":{"urls":[7,null]}}', 200, []],
  ['{"code":0,"data":"none"}', 200, []],
  ["0", 200, []],
  ['{"code":9}', 200, []],
  ["", 500, null],
  ["<html>", 200, null],
];

for (const [answer, status, found] of CASES) {
  Deno.test(`askDestinations() reads ${JSON.stringify(answer)} with status ${status}`, async () => {
    const clock = new FakeClock();
    const bodies: unknown[] = [];
    const hooks = new HookClient({
      server: { serverId: "s", serviceId: "i" },
      clock,
      logger: new CollectedLog().logger,
      hookFetch: (_, init) => {
        bodies.push(JSON.parse(String(init.body)));
        return Promise.resolve(new Response(answer, { status }));
      },
    });
    const vhost = defaultConfig().vhosts.get(DEFAULT_VHOST)!;
    const forward = { ...vhost.forward, backend: ["http://a/forward"] };
    const request = requestFor("show?token=1");
    assertEquals(await askDestinations(hooks, { ...vhost, forward }, request), found);
    const { action, app, stream, param } = bodies[0] as Record<string, string>;
    assertEquals([action, app, stream, param], ["on_forward", "live", "show", "?token=1"]);
    assertEquals(clock.pendingCount, 0);
  });
}
