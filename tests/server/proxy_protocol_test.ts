/** Clients behind a load balancer that announces their addresses (PROXY protocol). */

import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { HookScript } from "../helpers/hook_script.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { type Client, ServerRig } from "./rig.ts";

const BALANCER = "10.0.0.1";

/** Version 1, from 203.0.113.7. */
const V1 = encodeUtf8("PROXY TCP4 203.0.113.7 198.51.100.1 56324 1935\r\n");

/** Version 2, from 203.0.113.7, with a TLV. */
const V2 = hex(
  "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 21 11 00 13 cb 00 71 07 c6 33 64 01 dc 04 07 8f 04 00 04 00 00 00 00",
);

const BEHIND = `proxy_protocol ${BALANCER} 2001:db8::/32;`;

/** A client whose first bytes are `header`, the handshake and `connect`. */
async function connectFrom(rig: ServerRig, header: Uint8Array, ip = BALANCER): Promise<Client> {
  rig.network.clientIp = ip;
  const client = await rig.dial();
  client.send(concatBytes([header, SIMPLE_HANDSHAKE]));
  client.connect();
  await rig.settle();
  return client;
}

for (const [version, header] of [[1, V1], [2, V2]] as const) {
  Deno.test(`A client's address in a PROXY header counts in rules, callbacks, log and API, version ${version}`, async () => {
    const hooks = new HookScript();
    const rig = new ServerRig(
      `${BEHIND} vhost __defaultVhost__ {
        security { enabled on; deny play 203.0.113.7; allow publish 203.0.113.0/24; allow play all; }
        http_hooks { enabled on; on_connect http://hooks.test/; }
      }`,
      { hookFetch: hooks.fetch },
    );
    const publisher = await connectFrom(rig, header);
    publisher.publish();
    await rig.settle();
    assertEquals(rig.server.counts.publishers, 1);
    assertEquals(hooks.about("on_connect").map(({ payload }) => payload["ip"]), ["203.0.113.7"]);
    const { clients } = await rig.server.view.snapshot();
    assertEquals(clients.map(({ ip }) => ip), ["203.0.113.7"]);
    assertEquals(rig.linesOf("Publish started")[0]!.fields["peer"], "203.0.113.7:56324");

    const player = await connectFrom(rig, header);
    player.play();
    await rig.settle();
    assertEquals(player.words.some((word) => word.includes("Play.Failed")), true);
    await rig.stop();
  });
}

Deno.test("A load balancer without a PROXY header is refused, and nothing is answered", async () => {
  const rig = new ServerRig(`${BEHIND} vhost __defaultVhost__ { }`);
  for (const ip of [BALANCER, "2001:db8::9"]) {
    const client = await connectFrom(rig, new Uint8Array(), ip);
    assertEquals([client.isEnded, client.messages], [true, []]);
  }
  await rig.advance(2_000);
  const lines = rig.log.lines.filter(({ level }) => level === "info").map(({ message }) => message);
  assertEquals(lines, [
    "Client closed: No PROXY protocol header, which an address in proxy_protocol must send",
    "Clients closed: they did not speak RTMP",
  ]);
  assertEquals(rig.server.counts.connections, 0);
  await rig.stop();
});

Deno.test("A client that is no load balancer may not announce another address", async () => {
  const rig = new ServerRig(`${BEHIND} vhost __defaultVhost__ { }`);
  for (const header of [V1, V2]) {
    const client = await connectFrom(rig, header, "192.0.2.9");
    assertEquals(client.isEnded, true);
  }
  const [line] = rig.log.lines.filter(({ message }) => message.startsWith("Client closed"));
  assertEquals(
    line!.message,
    "Client closed: Cannot start RTMP handshake: the PROXY protocol is not accepted from this address",
  );
  assertEquals(
    line!.fields["fix"],
    "list the load balancer in proxy_protocol, or turn it off there",
  );
  const direct = await connectFrom(rig, new Uint8Array(), "192.0.2.9");
  direct.publish();
  await rig.settle();
  assertEquals(rig.server.counts.publishers, 1);
  await rig.stop();
});

Deno.test("A health check of a load balancer (LOCAL) has the load balancer's address", async () => {
  const rig = new ServerRig(`${BEHIND} vhost __defaultVhost__ { }`);
  const local = hex("0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a 20 00 00 00");
  const client = await connectFrom(rig, local);
  client.publish();
  await rig.settle();
  const { clients } = await rig.server.view.snapshot();
  assertEquals(clients.map(({ ip }) => ip), [BALANCER]);
  await rig.stop();
});

Deno.test("Connections that wait for a PROXY header count in max_connections", async () => {
  const rig = new ServerRig(`${BEHIND} max_connections 1; vhost __defaultVhost__ { }`);
  rig.network.clientIp = BALANCER;
  const silent = await rig.dial();
  const surplus = await rig.dial();
  await rig.settle();
  assertEquals([silent.isEnded, surplus.isEnded], [false, true]);
  await rig.advance(12_000);
  assertEquals(silent.isEnded, true);
  const client = await connectFrom(rig, V1);
  client.publish();
  await rig.settle();
  assertEquals(rig.server.counts.publishers, 1);
  await rig.stop();
});
