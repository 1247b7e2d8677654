/** Emptying a server: who is asked to move when, and what ends it. */

import type { DrainRequest } from "../../lib/app/drain.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { keyframe } from "../helpers/media.ts";
import { type Client, ServerRig } from "../server/rig.ts";

const REQUEST: DrainRequest = {
  cause: "test",
  target: null,
  timeoutMs: null,
  isReplaced: false,
};
const MOVE = "NetConnection.Connect.ReconnectRequest";

class DrainRig extends ServerRig {
  isDrained = false;

  drain(request: Partial<DrainRequest> = {}): void {
    void this.server.drain({ ...REQUEST, ...request }).then(() => {
      this.isDrained = true;
    });
  }

  async able(action: "play" | "publish"): Promise<Client> {
    const client = await this.connect({ capsEx: 1 });
    client[action]("show");
    await this.settle();
    return client;
  }

  /** Texts of the drain's lines. */
  get lines(): string[] {
    return this.log.lines.map(({ message }) => message).filter((text) => text.startsWith("Drain"));
  }
}

function wasAsked(client: Client): boolean {
  return client.words.includes(MOVE);
}

Deno.test("A drain accepts, closes listeners, moves publishers, then players, and waits", async () => {
  const rig = new DrainRig();
  const publisher = await rig.able("publish");
  const player = await rig.able("play");
  const stayer = await rig.play();
  rig.drain();
  await rig.clock.advance(2_200);
  const late = await rig.able("play");
  assertEquals([publisher, player, late].map(wasAsked), [false, false, false]);
  await rig.clock.advance(150);
  await assertRejects(() => rig.dial(), Deno.errors.ConnectionRefused);
  assertEquals([publisher, player, late].map(wasAsked), [true, false, false]);
  await rig.clock.advance(1_100);
  assertEquals([publisher, player, late, stayer].map(wasAsked), [true, true, true, false]);
  publisher.transport.close();
  player.transport.close();
  await rig.clock.advance(5_000);
  assertEquals(rig.isDrained, false);
  assertEquals(rig.server.counts, { connections: 2, players: 2, publishers: 0 });
  stayer.transport.close();
  late.transport.close();
  await rig.clock.advance(3_000);
  assertEquals(rig.isDrained, false);
  await rig.clock.advance(500);
  assertEquals(rig.isDrained, true);
  assertEquals(rig.lines.at(-1), "Drained: empty");
  await rig.stop();
});

Deno.test("A drain asks players at once when all publishers have moved", async () => {
  const rig = new DrainRig("grace_start_wait 0; vhost __defaultVhost__ { }");
  const publisher = await rig.able("publish");
  const player = await rig.able("play");
  rig.drain();
  await rig.clock.advance(100);
  assertEquals([publisher, player].map(wasAsked), [true, false]);
  publisher.transport.close();
  await rig.clock.advance(150);
  assertEquals(wasAsked(player), true);
  await rig.stop();
  assertEquals(rig.isDrained, true);
});

Deno.test("A drain asks a client that was accepted last, once", async () => {
  const rig = new DrainRig("grace_start_wait 100; vhost __defaultVhost__ { }");
  rig.drain();
  const client = await rig.connect({ capsEx: 1 });
  await rig.clock.advance(3_000);
  client.play("show");
  await rig.clock.advance(5_000);
  assertEquals(client.words.filter((word) => word === MOVE).length, 1);
  await rig.stop();
});

Deno.test("A drain ends at its timeout, and the server stops its players before publishers", async () => {
  const rig = new DrainRig("drain_timeout 10s; vhost __defaultVhost__ { }");
  await rig.publish();
  await rig.play();
  rig.drain();
  await rig.clock.advance(9_900);
  assertEquals(rig.isDrained, false);
  await rig.clock.advance(200);
  assertEquals(rig.isDrained, true);
  assertEquals(rig.warnings, ["Drained: closing the clients that are left"]);
  await rig.stop();
  const ends = rig.log.lines.map(({ message }) => message).filter((text) => / ended$/.test(text));
  assertEquals(ends, ["Play ended", "Publish ended"]);
});

Deno.test("A drain's request replaces drain_timeout", async () => {
  const rig = new DrainRig();
  await rig.play();
  rig.drain({ timeoutMs: 1_000 });
  await rig.clock.advance(1_000);
  assertEquals(rig.isDrained, true);
  await rig.stop();
});

Deno.test("A drain logs its progress at once, then what has changed, every 10 s at most", async () => {
  const rig = new DrainRig("grace_start_wait 0; vhost __defaultVhost__ { }");
  const stayers = [await rig.play(), await rig.play(), await rig.play()];
  const players = () =>
    rig.log.lines.filter(({ message }) => message.startsWith("Draining: "))
      .map(({ fields }) => fields["players"]);
  rig.drain();
  await rig.clock.advance(1_100);
  assertEquals(players(), [3, 3]);
  stayers[0]!.transport.close();
  await rig.clock.advance(5_000);
  stayers[1]!.transport.close();
  await rig.clock.advance(6_000);
  assertEquals(players(), [3, 3, 1]);
  const { fields } = rig.linesOf("Draining: waiting").at(-1)!;
  assertEquals(fields["remaining_s"], 3_589);
  // Nothing changes.
  await rig.clock.advance(15_000);
  assertEquals(players(), [3, 3, 1]);
  await rig.stop();
});

Deno.test("A server without clients drains after both waits", async () => {
  const rig = new DrainRig();
  rig.drain();
  await rig.clock.advance(2_300 + 3_200);
  assertEquals(rig.isDrained, false);
  await rig.clock.advance(300);
  assertEquals(rig.isDrained, true);
  await rig.stop();
});

Deno.test("A replaced server closes its listeners at once", async () => {
  const rig = new DrainRig();
  const player = await rig.able("play");
  rig.drain({ isReplaced: true });
  await rig.clock.advance(50);
  await assertRejects(() => rig.dial(), Deno.errors.ConnectionRefused);
  await rig.clock.advance(100);
  assertEquals(wasAsked(player), true);
  await rig.stop();
});

Deno.test("A second drain waits for the first one's end, and settings are refused", async () => {
  const rig = new DrainRig();
  await rig.play();
  rig.drain({ timeoutMs: 10_000 });
  const second = rig.server.drain(REQUEST);
  await rig.clock.advance(10_000);
  await second;
  await rig.stop();
});

Deno.test("An edge that also publishes elsewhere is kept for those who watch here, then closed", async () => {
  const rig = new DrainRig("grace_start_wait 0; grace_final_wait 0; vhost __defaultVhost__ { }");
  const edge = await rig.publish("show", { edgePath: "edge", capsEx: 1 });
  edge.push(9, 0, keyframe());
  const players = [await rig.play(), await rig.play()];
  rig.drain();
  await rig.clock.advance(3_000);
  edge.push(18, 0, hex("02 000B 6F6E456467654D6F766564")); // onEdgeMoved
  for (let ms = 40; ms < 4_000; ms += 40) {
    edge.push(9, ms, keyframe());
    await rig.clock.advance(40);
  }
  assertEquals(players.map(({ videos }) => videos.length > 80), [true, true]);
  assertEquals(players.map(({ messages }) => messages.some(isMoved)), [false, false]);
  players[0]!.transport.close();
  await rig.advance(3_000);
  assertEquals(rig.server.counts, { connections: 2, players: 1, publishers: 1 });
  players[1]!.transport.close();
  await rig.advance(4_000);
  assertEquals([rig.isDrained, rig.server.counts.connections], [true, 0]);
  assertEquals(
    rig.linesOf("Publish ended").map(({ fields }) => fields["cause"]),
    ["the edge publishes it elsewhere, and no one watches it here"],
  );
  await rig.stop();
});

Deno.test("An encoder cannot say that it also publishes elsewhere", async () => {
  const rig = new DrainRig();
  const encoder = await rig.publish();
  encoder.push(9, 0, keyframe());
  encoder.push(18, 0, hex("02 000B 6F6E456467654D6F766564"));
  await rig.advance(5_000);
  assertEquals(rig.server.counts.publishers, 1);
  await rig.stop();
});

function isMoved({ payload }: { readonly payload: Uint8Array }): boolean {
  return payload.toHex().includes("6f6e456467654d6f766564");
}

Deno.test("A replaced server that resumes listens, serves on, and can be drained again", async () => {
  const rig = new DrainRig("grace_start_wait 0; grace_final_wait 0; vhost __defaultVhost__ { }");
  const player = await rig.able("play");
  const first = rig.server.drain({ ...REQUEST, isReplaced: true });
  await rig.clock.advance(2_000);
  await assertRejects(() => rig.dial(), Deno.errors.ConnectionRefused);
  assertEquals(rig.server.isDraining, true);
  await rig.server.resume();
  assertEquals([await first, rig.server.isDraining], [false, false]);
  const newcomer = await rig.able("play");
  assertEquals(newcomer.isEnded, false);
  await rig.advance(10_000);
  const asked = () => player.words.filter((word) => word === MOVE).length;
  assertEquals([asked(), wasAsked(newcomer)], [1, false]);
  assertEquals(rig.lines.at(-1), "Drain cancelled");
  const { config } = rig.server;
  await rig.server.apply({ ...config, maxConnections: 7 });
  rig.drain({ isReplaced: true });
  await rig.clock.advance(2_000);
  assertEquals([asked(), wasAsked(newcomer)], [2, true]);
  await assertRejects(() => rig.dial(), Deno.errors.ConnectionRefused);
  player.transport.close();
  newcomer.transport.close();
  await rig.clock.advance(1_000);
  assertEquals(rig.isDrained, true);
  await rig.stop();
});

Deno.test("A replaced server that cannot listen again drains on", async () => {
  const rig = new DrainRig("grace_start_wait 0; grace_final_wait 0; vhost __defaultVhost__ { }");
  const player = await rig.able("play");
  rig.drain({ isReplaced: true });
  await rig.clock.advance(2_000);
  const other = rig.network.listen({ hostname: "0.0.0.0", port: 1935 });
  const refused = assertRejects(() => rig.server.resume(), Deno.errors.AddrInUse);
  await rig.clock.advance(2_000);
  await refused;
  other.close();
  player.transport.close();
  await rig.clock.advance(1_000);
  assertEquals(rig.isDrained, true);
  await rig.stop();
});
