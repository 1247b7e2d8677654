import type { FittedConfig } from "../../lib/app/descriptors.ts";
import { Bans } from "../../lib/server/bans.ts";
import { assertEquals } from "../helpers/assert.ts";
import { ServerRig } from "./rig.ts";

Deno.test("a client that is kicked with a ban may not return before it ends", async () => {
  const rig = new ServerRig();
  const client = await rig.publish();
  client.push(9, 0, new Uint8Array([0x17, 1, 0, 0, 0]));
  await rig.settle();
  const { view } = rig.server;
  const { id, ip } = (await view.snapshot()).clients[0]!;
  await view.ban([{ ip, ms: 60_000, client: id, stream: "/live/show" }]);
  assertEquals(await view.kick(id), true);
  assertEquals((await rig.publish()).words.at(-1), "NetStream.Publish.Denied");
  assertEquals((await rig.play()).words.at(-1), "NetStream.Play.Failed");
  assertEquals((await rig.server.view.snapshot()).refusals.rules, 2);
  await rig.advance(60_000);
  assertEquals((await rig.publish()).words.at(-1), "NetStream.Publish.Start");
  await rig.stop();
});

Deno.test("a ban is listed until it ends or is lifted, and outlives a reload", async () => {
  const rig = new ServerRig();
  const { view } = rig.server;
  const ban = { ip: "127.0.0.1", ms: 60_000, client: "c1", stream: "/live/show" };
  await view.ban([{ ...ban, ip: "10.0.0.1", ms: 1_000 }, ban]);
  assertEquals((await view.bans()).map(({ ip, ms }) => [ip, ms]), [
    ["127.0.0.1", 60_000],
    ["10.0.0.1", 1_000],
  ]);
  await rig.advance(5_000);
  await rig.server.apply(rig.server.config as FittedConfig);
  assertEquals(await view.bans(), [{ ...ban, ms: 55_000 }]);
  assertEquals([await view.lift("127.0.0.1"), await view.lift("127.0.0.1")], [true, false]);
  assertEquals((await view.bans()).length, 0);
  await rig.stop();
});

Deno.test("a ban lasts a day at most, and only the newest 10,000 are kept", () => {
  const bans = new Bans({ now: () => 5 });
  const ban = (at: number) => ({ ip: `ip${at}`, ms: 1e9, client: "c1", stream: "/live/show" });
  bans.add(Array.from({ length: 10_001 }, (_, at) => ban(at)));
  assertEquals([bans.count, bans.has("ip0"), bans.has("ip1")], [10_000, false, true]);
  assertEquals(bans.list()[0], { ...ban(10_000), ms: 86_400_000 });
});
