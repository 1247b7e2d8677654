/** Origins that ask an edge to leave: Enhanced RTMP's ReconnectRequest, and RTMP Go Away. */

import { assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { hex } from "../helpers/hex.ts";
import type { OriginLink } from "../helpers/scripted_origin.ts";
import { TinyEncode } from "../helpers/tiny_encode.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const ENCODE = new TinyEncode();

/** Message type 32 on chunk stream 2, empty. */
const GO_AWAY = hex("02 000000 000000 20 00000000");

/** An edge that pulls from the first of its origins. */
async function startPull(origins = TWO_ORIGINS): Promise<VhostRig> {
  const rig = new VhostRig({ origins });
  await rig.play();
  rig.a.link.sendMedia(...ENCODE.messages);
  await rig.advance(1_500);
  return rig;
}

for (
  const [what, ask, dialled] of [
    ["without a tcUrl", (link: OriginLink) => link.askToReconnect(), PORT_B],
    ["with Go Away", (link: OriginLink) => link.send(GO_AWAY), PORT_B],
    [
      "with the tcUrl of an origin",
      (link: OriginLink) => link.askToReconnect(`rtmp://A.EXAMPLE:${PORT_A}/live`),
      PORT_A,
    ],
    [
      "with a relative tcUrl",
      (link: OriginLink) => link.askToReconnect("/live"),
      PORT_A,
    ],
    [
      "with the tcUrl of a stranger",
      (link: OriginLink) => link.askToReconnect("rtmp://evil.example:1/live"),
      PORT_B,
    ],
    ["with nonsense", (link: OriginLink) => link.askToReconnect("http://[::"), PORT_B],
  ] as const
) {
  Deno.test(`a pull obeys an origin that asks to be left ${what}`, async () => {
    const rig = await startPull();
    const old = rig.a.link;
    ask(old);
    await rig.advance(200);
    assertEquals(rig.network.dialled, [PORT_A, dialled]);
    assertEquals(old.isOpen, true);
    const next = dialled === PORT_A ? rig.a.link : rig.b.link;
    next.sendMedia(...ENCODE.messages);
    await rig.settle();
    assertEquals([old.isOpen, next.isOpen, rig.vhost.totals.spliced], [false, true, 1]);
  });
}

Deno.test("a pull with a single origin that asks to be left connects to the same address", async () => {
  const rig = await startPull([TWO_ORIGINS[0]!]);
  rig.a.link.askToReconnect();
  await rig.advance(200);
  assertEquals(rig.network.dialled, [PORT_A, PORT_A]);
});

Deno.test("an origin that asks to be left 1,000 times is left once a second at most", async () => {
  const rig = await startPull([TWO_ORIGINS[0]!]);
  const [beganMs, before] = [rig.clock.now(), rig.network.dialled.length];
  for (let i = 0; i < 200; i++) {
    const { link } = rig.a;
    for (let request = 0; request < 5; request++) link.askToReconnect();
    link.sendMedia(...ENCODE.messages);
    await rig.advance(50);
  }
  const seconds = (rig.clock.now() - beganMs) / 1_000;
  const moves = rig.network.dialled.length - before;
  assertEquals([moves >= 5, moves <= seconds + 1], [true, true], `${moves} in ${seconds} s`);
  assertEquals(rig.a.openCount <= 2, true);
});

Deno.test("the log says once where a stranger would have had the edge go, without secrets", async () => {
  const rig = await startPull();
  rig.a.link.askToReconnect("rtmp://evil.example/live?token=SECRET");
  rig.a.link.askToReconnect("rtmp://evil.example/live?token=SECRET");
  await rig.advance(50);
  const lines = rig.log.urgent.map(({ message }) => message);
  assertEquals(lines.length, 1);
  assertEquals(JSON.stringify(rig.log.lines).includes("SECRET"), false);
});
