/** Asking clients to connect again: which, and where to. */

import { checkMoveTarget, moveTargetOf } from "../../lib/server/move_clients.ts";
import { decodeCommand } from "../../lib/rtmp/commands.ts";
import { AmfObject } from "../../lib/amf/amf_value.ts";
import { assertEquals } from "../helpers/assert.ts";
import { type Client, ServerRig } from "./rig.ts";

const REQUEST = "NetConnection.Connect.ReconnectRequest";

/** Where the client was asked to connect to, request by request; null for the same address. */
function targetsOf({ messages }: Client): (string | null)[] {
  return messages.filter(({ typeId }) => typeId === 20).flatMap(({ payload }) => {
    const info = decodeCommand(payload).values[1];
    if (!(info instanceof AmfObject) || info.get("code") !== REQUEST) return [];
    const tcUrl = info.get("tcUrl");
    return [typeof tcUrl === "string" ? tcUrl : null];
  });
}

async function player(rig: ServerRig, name: string, capsEx: number): Promise<Client> {
  const client = await rig.connect({ capsEx });
  client.play(name);
  await rig.settle();
  return client;
}

Deno.test("move() asks the selected clients that know such requests, and serves them on", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish("show", { capsEx: 1 });
  const able = await player(rig, "show", 1);
  const other = await player(rig, "other", 1);
  const unable = await player(rig, "show", 0x0E);
  const { view } = rig.server;
  assertEquals(await view.move({ action: "publish" }, null), { asked: 1, unable: 0 });
  assertEquals(await view.move({ stream: "live/show", action: "play" }, "rtmp://b"), {
    asked: 1,
    unable: 1,
  });
  await rig.settle();
  assertEquals([publisher, able, other, unable].map(targetsOf), [
    [null],
    ["rtmp://b/live"],
    [],
    [],
  ]);
  assertEquals(rig.server.counts, { connections: 4, players: 3, publishers: 1 });
  assertEquals(await view.move({ isNew: true }, null), { asked: 1, unable: 1 });
  await rig.settle();
  assertEquals(targetsOf(other), [null]);
  await rig.stop();
});

Deno.test("move() finds a client by its id", async () => {
  const rig = new ServerRig();
  await player(rig, "show", 1);
  const { view } = rig.server;
  const [{ id } = { id: "" }] = (await view.snapshot()).clients;
  assertEquals(await view.move({ id }, null), { asked: 1, unable: 0 });
  assertEquals(await view.move({ id: "c99" }, null), { asked: 0, unable: 0 });
  const line = rig.linesOf("Client asked to reconnect").at(-1);
  assertEquals(line?.fields["stream"], "live/show");
  await rig.stop();
});

const TARGETS: readonly (readonly [target: string, vhost: string, tcUrl: string])[] = [
  ["rtmp://b", "__defaultVhost__", "rtmp://b/live"],
  ["rtmp://b:1936/", "__defaultVhost__", "rtmp://b:1936/live"],
  ["rtmp://b", "tv.example", "rtmp://b/live?vhost=tv.example"],
  ["rtmps://b/other", "tv.example", "rtmps://b/other"],
];

for (const [target, vhost, tcUrl] of TARGETS) {
  Deno.test(`moveTargetOf() sends a client of ${vhost} to ${target}: ${tcUrl}`, () => {
    assertEquals(moveTargetOf(target, "live", vhost), tcUrl);
  });
}

Deno.test("checkMoveTarget() refuses what is no RTMP address, and passwords", () => {
  for (const target of ["rtmp://b", "rtmps://b:443/live", "rtmp://[::1]:1935/live/room?vhost=a"]) {
    assertEquals(checkMoveTarget(target), null);
  }
  const wrong = ["", "b", "http://b/", "rtmp://", "rtmp://b/a b", "rtmp://user:secret@b/live"];
  for (const target of [...wrong, `rtmp://b/${"x".repeat(1024)}`]) {
    const objection = checkMoveTarget(target);
    assertEquals(objection?.endsWith("write rtmp://HOST[:PORT][/APP]"), true, target);
    assertEquals(objection?.includes("secret"), false);
  }
});
