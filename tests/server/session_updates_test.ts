/** `on_update`: clients that play or publish are reported while they do. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { HookScript, never } from "../helpers/hook_script.ts";
import { ServerRig } from "./rig.ts";

const CLIENTS = 20;

class UpdateRig extends ServerRig {
  readonly script: HookScript;

  constructor(more = "", script = new HookScript()) {
    const hooks = `on_update http://hooks.example/update; update_interval 10s; ${more}`;
    const patient = "play { play_wait 5m; } publish { firstpkt_timeout 5m; normal_timeout 5m; }";
    super(`vhost __defaultVhost__ { ${patient} http_hooks { enabled on; ${hooks} } }`, {
      hookFetch: script.fetch,
    });
    this.script = script;
  }

  /** Advances second by second: reports are sent that often. */
  async seconds(count: number): Promise<void> {
    for (let left = count; left > 0; left--) await this.advance(1_000);
  }

  /** Sessions of all requests so far. */
  get sessions(): Record<string, unknown>[] {
    return this.script.requests.flatMap(({ payload }) =>
      payload["sessions"] as unknown as Record<string, unknown>[]
    );
  }
}

Deno.test("SessionUpdates reports each session once per interval, spread over it", async () => {
  const rig = new UpdateRig();
  await rig.publish();
  for (let count = 1; count < CLIENTS; count++) await rig.play("show?token=s3cret");
  await rig.seconds(10);
  assertEquals(new Set(rig.sessions.map(({ client_id }) => client_id)).size, CLIENTS);
  const busiest = Math.max(
    ...rig.script.requests.map(({ payload }) =>
      (payload["sessions"] as unknown as unknown[]).length
    ),
  );
  assert(busiest <= CLIENTS / 4, `${busiest} in one request`);
  await rig.seconds(20);
  assertEquals(rig.sessions.length, CLIENTS * 3);
  const [{ payload }] = rig.script.requests as [typeof rig.script.requests[0]];
  assertEquals([payload["action"], payload["vhost"]], ["on_update", "__defaultVhost__"]);
  const player = rig.sessions.find(({ type }) => type === "play")!;
  assertEquals([player["stream"], player["param"]], ["show", "?token=s3cret"]);
  assert(Number(player["send_bytes"]) > 0 && Number(player["seconds"]) > 0);
  await rig.stop();
});

Deno.test("SessionUpdates stops with the session", async () => {
  const rig = new UpdateRig();
  const player = await rig.play();
  await rig.seconds(20);
  player.transport.close();
  await rig.settle();
  const { length } = rig.sessions;
  assertEquals(length, 2);
  await rig.seconds(30);
  assertEquals(rig.sessions.length, length);
  await rig.stop();
});

Deno.test("SessionUpdates sends no second request to a server that does not answer", async () => {
  const rig = new UpdateRig("timeout 20s;");
  rig.script.answer = never;
  for (let count = 0; count < CLIENTS; count++) await rig.play();
  await rig.seconds(20);
  assertEquals(rig.script.requests.length, 1);
  rig.script.answer = () => new Response("0");
  await rig.seconds(10);
  assertEquals(new Set(rig.sessions.map(({ client_id }) => client_id)).size, CLIENTS);
  await rig.stop();
});

Deno.test("SessionUpdates calls nginx-rtmp's back end for each client, and closes those it refuses", async () => {
  const rig = new UpdateRig("callback_format form;");
  await rig.publish();
  const player = await rig.play("show?user=ann");
  rig.script.answer = ({ payload }) =>
    new Response("", { status: payload["call"] === "update_play" ? 403 : 200 });
  await rig.seconds(20);
  const calls = rig.script.requests.map(({ payload }) => `${payload["call"]} ${payload["user"]}`);
  assertEquals(calls.toSorted(), [
    "update_play ann",
    "update_publish undefined",
    "update_publish undefined",
  ]);
  assert(player.isEnded);
  const [line] = rig.log.lines.filter(({ message }) => message === "Play ended");
  assertEquals(line?.fields["cause"], "callback on_update refuses: HTTP 403");
  await rig.stop();
});

Deno.test("SessionUpdates keeps clients whose update nginx-rtmp's back end cannot take", async () => {
  const rig = new UpdateRig("callback_format form;");
  const player = await rig.play();
  rig.script.answer = () => new Response("", { status: 500 });
  await rig.seconds(20);
  assertEquals([rig.script.requests.length, player.isEnded], [2, false]);
  await rig.stop();
});
