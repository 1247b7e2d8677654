/** What becomes of running streams when the settings of an edge vhost change. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import { assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { LINGER_MS, VhostRig } from "../helpers/vhost_rig.ts";

const [ORIGIN_A, ORIGIN_B] = TWO_ORIGINS;

function configure(rig: VhostRig, cluster: Partial<ClusterConfig>): void {
  const { config } = rig.vhost;
  rig.vhost.configure({ ...config, cluster: { ...config.cluster, ...cluster } });
}

Deno.test("RemoteVhost.configure() keeps a pull from an origin that was removed, until it ends", async () => {
  const rig = new VhostRig({ origins: [ORIGIN_A!] });
  const player = await rig.play();
  rig.a.link.sendMedia(videoHeader(), keyframe(0, 1, 900));
  await rig.settle();
  configure(rig, { origins: [ORIGIN_B!] });
  rig.a.link.sendMedia(interFrame(40, 2, 300));
  await rig.advance(1_000);
  assertEquals([player.media.length, rig.network.dialled], [3, [PORT_A]]);
  rig.a.link.close();
  await rig.settle();
  rig.b.link.sendMedia(
    videoHeader(),
    keyframe(0, 1, 900),
    interFrame(40, 2, 300),
    interFrame(80, 3, 300),
  );
  await rig.settle();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  assertEquals(player.media.map(({ payload }) => payload.at(-1)).slice(1), [1, 2, 3]);
  await rig.advance(1_000);
  rig.b.link.close();
  await rig.settle();
  assertEquals(rig.network.dialled.slice(2), [PORT_B], "the removed origin is not tried again");
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost.configure() leads players that wait at a removed origin to the new one", async () => {
  const rig = new VhostRig({ origins: [ORIGIN_A!] });
  const player = await rig.play();
  await rig.advance(30_000);
  assertEquals(rig.network.dialled, [PORT_A]);
  configure(rig, { origins: [ORIGIN_B!] });
  await rig.advance(200);
  rig.b.link.sendMedia(videoHeader(), keyframe(0));
  await rig.settle();
  assertEquals([rig.a.openCount, player.media.length], [0, 2]);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost.configure() gives a stalled pull the origin that was added", async () => {
  const rig = new VhostRig({ origins: [ORIGIN_A!] });
  const player = await rig.play();
  rig.a.link.sendMedia(videoHeader(), keyframe(0, 1, 900));
  await rig.settle();
  await rig.advance(10_000);
  configure(rig, { origins: TWO_ORIGINS });
  await rig.advance(200);
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  rig.b.link.sendMedia(videoHeader(), keyframe(0, 1, 900), interFrame(40, 2, 300));
  await rig.settle();
  assertEquals(player.media.length, 3);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost.configure() keeps a push to an origin that was removed, then takes the new one", async () => {
  const rig = new VhostRig({ origins: [ORIGIN_A!] });
  const publisher = await rig.publish();
  publisher.push(videoHeader(), keyframe(0));
  configure(rig, { origins: [ORIGIN_B!] });
  await rig.advance(1_000);
  assertEquals([rig.network.dialled, rig.a.link.media.length], [[PORT_A], 2]);
  rig.a.link.close();
  await rig.settle();
  assertEquals([rig.network.dialled, publisher.handle!.isClosed], [[PORT_A, PORT_B], false]);
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost.configure() changes how long an unwatched pull lingers", async () => {
  const rig = new VhostRig();
  const player = await rig.play();
  configure(rig, { lingerMs: 1_000 });
  player.leave();
  await rig.advance(1_000);
  assertEquals(rig.upstreamCount, 0);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost.configure() changes takeover and grace of a publisher that is connected", async () => {
  const rig = new VhostRig();
  const first = await rig.publish();
  const { config } = rig.vhost;
  rig.vhost.configure({ ...config, publish: { ...config.publish, takeover: "replace" } });
  const second = await rig.publish();
  assertEquals([first.isReplaced, second.handle!.isClosed], [true, false]);
  rig.vhost.configure({ ...config, publish: { ...config.publish, graceMs: 0 } });
  second.leave("lost");
  await rig.settle();
  assertEquals(rig.upstreamCount, 0);
  await rig.assertNothingLeft();
});

Deno.test("RemoteVhost.configure() asks an origin for the new vhost from the next connection on", async () => {
  const rig = new VhostRig();
  configure(rig, { vhost: "other.example" });
  const player = await rig.play();
  assertEquals(rig.a.link.connect!.tcUrl, `rtmp://other.example:${PORT_A}/live`);
  assertEquals(rig.vhost.config.cluster.vhost, "other.example");
  player.leave();
  await rig.advance(LINGER_MS);
  await rig.assertNothingLeft();
});
