/** What the process that replaces this one may do here. */

import { assertEquals } from "../helpers/assert.ts";
import { ServerRig } from "../server/rig.ts";

const CLOSED =
  "vhost __defaultVhost__ { security { enabled on; deny play all; deny publish all; } }";

Deno.test("openHandover() lets a client with the token play, and nothing else", async () => {
  const rig = new ServerRig(CLOSED);
  await rig.server.openHandover("1f2e3d");
  const words = async (action: "play" | "publish", name: string) => {
    const client = await rig.connect({ capsEx: 1 });
    client[action](name);
    await rig.settle();
    return client.words;
  };
  assertEquals(await words("play", "show?edgeHandover=1f2e3d"), []);
  assertEquals(rig.server.counts.players, 1);
  for (const params of ["", "?edgeHandover=", "?edgeHandover=1f2e3", "?edgeHandover=null"]) {
    assertEquals(await words("play", `show${params}`), ["NetStream.Play.Failed"], params);
  }
  const publish = await words("publish", "show?edgeHandover=1f2e3d");
  assertEquals(publish.at(-1), "NetStream.Publish.Denied");
  // It has other ways to find out where its streams are.
  assertEquals(await rig.server.move({}, null), { asked: 0, unable: 0 });
  assertEquals(JSON.stringify(rig.log.lines).includes("1f2e3d"), false);
  await rig.stop();
});

Deno.test("Without a handover, a play with such a parameter is refused as any other", async () => {
  const rig = new ServerRig(CLOSED);
  const client = await rig.play("show?edgeHandover=null");
  assertEquals(client.words, ["NetStream.Play.Failed"]);
  await rig.stop();
});
