import { assertEquals } from "../helpers/assert.ts";
import { ServerRig } from "./rig.ts";

Deno.test("a client that is kicked with a ban may not return before it ends", async () => {
  const rig = new ServerRig();
  const client = await rig.publish();
  client.push(9, 0, new Uint8Array([0x17, 1, 0, 0, 0]));
  await rig.settle();
  const { id, ip } = (await rig.server.view.snapshot()).clients[0]!;
  assertEquals(await rig.server.view.kick(id, { ip, ms: 60_000 }), true);
  assertEquals((await rig.publish()).words.at(-1), "NetStream.Publish.Denied");
  assertEquals((await rig.play()).words.at(-1), "NetStream.Play.Failed");
  assertEquals((await rig.server.view.snapshot()).refusals.rules, 2);
  await rig.advance(60_000);
  assertEquals((await rig.publish()).words.at(-1), "NetStream.Publish.Start");
  await rig.stop();
});
