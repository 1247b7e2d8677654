/** `on_session`: records of plays and publishes that are over, for an HTTP server. */

import { assertEquals } from "../helpers/assert.ts";
import { HookScript } from "../helpers/hook_script.ts";
import { ServerRig } from "./rig.ts";

class RecordRig extends ServerRig {
  readonly script: HookScript;

  constructor(script = new HookScript()) {
    const hooks = "enabled on; on_session http://hooks.example/records;";
    super(`vhost __defaultVhost__ { http_hooks { ${hooks} } }`, { hookFetch: script.fetch });
    this.script = script;
  }

  async endPlay(): Promise<void> {
    const player = await this.play("show?token=s3cret");
    player.transport.close();
    await this.settle();
  }

  /** Clients of the records of each request. */
  get clients(): unknown[][] {
    return this.script.requests.map(({ payload }) =>
      (payload["sessions"] as unknown as { client: string }[]).map(({ client }) => client)
    );
  }
}

Deno.test("SessionHook sends records of a second together, without parameters", async () => {
  const rig = new RecordRig();
  await rig.endPlay();
  await rig.endPlay();
  assertEquals(rig.clients, []);
  await rig.advance(1_000);
  assertEquals(rig.clients, [["c1", "c2"]]);
  assertEquals(JSON.stringify(rig.script.requests).includes("s3cret"), false);
  await rig.stop();
});

Deno.test("SessionHook sends records again until they are taken, in order", async () => {
  const rig = new RecordRig();
  rig.script.answer = () => new Response("", { status: 500 });
  await rig.endPlay();
  await rig.advance(1_000);
  await rig.endPlay();
  await rig.advance(9_000);
  assertEquals(rig.clients, [["c1"]]);
  rig.script.answer = () => new Response("0");
  await rig.advance(1_000);
  assertEquals(rig.clients, [["c1"], ["c1", "c2"]]);
  await rig.advance(60_000);
  assertEquals(rig.clients.length, 2);
  await rig.stop();
});

Deno.test("SessionHook drops records that the HTTP server refuses", async () => {
  const rig = new RecordRig();
  rig.script.answer = () => new Response('{"code":1}');
  await rig.endPlay();
  await rig.advance(60_000);
  assertEquals(rig.clients, [["c1"]]);
  await rig.stop();
});

Deno.test("SessionHook sends what is left when the server stops", async () => {
  const rig = new RecordRig();
  await rig.play();
  await rig.stop();
  assertEquals(rig.clients, [["c1"]]);
});
