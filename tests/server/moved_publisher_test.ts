/** Publishers that were asked to connect elsewhere, and what becomes of their stream here. */

import type { AmfValue } from "../../lib/amf/amf_value.ts";
import { assertEquals } from "../helpers/assert.ts";
import { keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { type Client, ServerRig } from "./rig.ts";

const UNPUBLISHED = "NetStream.Play.UnpublishNotify";
const STARTED = "NetStream.Publish.Start";

/** A stream with a player, whose publisher was asked to move. */
async function asked(
  properties: Readonly<Record<string, AmfValue>> = {},
): Promise<{ readonly rig: ServerRig; readonly publisher: Client; readonly player: Client }> {
  const rig = new ServerRig();
  const publisher = await rig.publish("show", { capsEx: 1, ...properties });
  const player = await rig.play();
  pushFrame(publisher, 0);
  assertEquals((await rig.server.move({ action: "publish" }, null)).asked, 1);
  await rig.settle();
  return { rig, publisher, player };
}

function pushFrame(client: Client, atMs: number): void {
  for (const { typeId, timestampMs, payload } of [videoHeader(atMs), keyframe(atMs)]) {
    client.push(typeId, timestampMs, payload);
  }
}

Deno.test("players stay when a publisher that was asked to move ends its publish", async () => {
  const { rig, publisher, player } = await asked();
  publisher.closeStream();
  await rig.advance(3_000);
  assertEquals(player.words.includes(UNPUBLISHED), false);
  const returned = await rig.publish();
  assertEquals(returned.words.at(-1), STARTED);
  await rig.advance(15_000);
  assertEquals(player.words.includes(UNPUBLISHED), false);
  await rig.stop();
});

Deno.test("players are told after the grace when a publisher that moved does not return", async () => {
  const { rig, publisher, player } = await asked();
  publisher.closeStream();
  await rig.advance(11_000);
  assertEquals(player.words.includes(UNPUBLISHED), true);
  await rig.stop();
});

Deno.test("an edge that was asked to move ends the stream when it says so", async () => {
  const { rig, publisher, player } = await asked({ edgePath: "edge" });
  publisher.closeStream();
  await rig.advance(1_000);
  assertEquals(player.words.includes(UNPUBLISHED), true);
  await rig.stop();
});

Deno.test("a publisher that was asked to move may publish before it leaves", async () => {
  const { rig, publisher, player } = await asked();
  const moved = await rig.publish();
  for (let atMs = 0; atMs < 1_600; atMs += 100) {
    pushFrame(publisher, atMs);
    await rig.advance(100);
  }
  await rig.settle();
  assertEquals(moved.words.at(-1), STARTED);
  pushFrame(moved, 1_600);
  await rig.advance(1_000);
  assertEquals(player.words.includes(UNPUBLISHED), false);
  await rig.stop();
});
