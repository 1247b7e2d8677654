/** What clients are refused for is counted where the refusal is sent. */

import { noRefusals } from "../../lib/server/refusal_counts.ts";
import { assertEquals } from "../helpers/assert.ts";
import { ServerRig } from "./rig.ts";

async function refusals(rig: ServerRig): Promise<Record<string, number>> {
  const { refusals } = await rig.server.view.snapshot();
  return Object.fromEntries(Object.entries(refusals).filter(([, count]) => count > 0));
}

Deno.test("a second publisher and a player of what no one publishes are counted apart", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { play { play_wait 1s; } }");
  assertEquals(await refusals(rig), {});
  const publisher = await rig.publish();
  publisher.push(9, 0, new Uint8Array([0x17, 1, 0, 0, 0]));
  // The present one answers the ping that a newcomer causes, by any byte.
  const second = await rig.publish();
  publisher.push(9, 40, new Uint8Array([0x27, 1, 0, 0, 0]));
  await rig.settle();
  assertEquals(second.words.at(-1), "NetStream.Publish.BadName");
  assertEquals(await refusals(rig), { busy: 1 });
  const player = await rig.play("missing");
  await rig.advance(3_000);
  assertEquals(player.words.at(-1), "NetStream.Play.StreamNotFound");
  assertEquals(await refusals(rig), { busy: 1, not_live: 1 });
  await rig.stop();
});

Deno.test("requests that cannot be read are counted", async () => {
  const rig = new ServerRig();
  const client = await rig.connect();
  client.command("publish", [null, null], { msid: 1 });
  await rig.settle();
  assertEquals(await refusals(rig), { protocol: 1 });
  assertEquals(Object.keys(noRefusals()).length, 9);
  await rig.stop();
});
