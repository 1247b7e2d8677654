/** What an edge knows of the origins that a pull would switch to, and how it asks them. */

import type { ClusterConfig } from "../../lib/config/config.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { type TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const MEDIA = [videoHeader(), keyframe(0, 1, 300), interFrame(40, 2, 250)];
const NOT_FOUND = { code: "NetStream.Play.StreamNotFound", description: "" };
const REJECTED = { code: "NetStream.Play.Failed", description: "Denied" };
const B = `b.example:${PORT_B}`;

const PROBE_MS = 10_000;

/** An edge whose player is fed by the first of two origins. */
class ReserveRig extends VhostRig {
  #frames = 2;

  static async start(cluster: Partial<ClusterConfig> = {}): Promise<ReserveRig> {
    const rig = new ReserveRig({ origins: TWO_ORIGINS, probeMs: PROBE_MS, ...cluster });
    await rig.begin();
    return rig;
  }

  async begin(name = "show"): Promise<TestPlayer> {
    const player = await this.play(name);
    this.a.link.sendMedia(...MEDIA);
    await this.settle();
    return player;
  }

  /** The first origin sends a frame every 100 ms; the second, what it is asked for. */
  async feed(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      const frame = interFrame(100 * ++this.#frames, this.#frames % 256, 250);
      for (const link of this.a.links) if (link.isOpen) link.sendMedia(frame);
      await this.advance(100);
    }
  }

  /** Until the second origin has been asked once more. */
  async untilProbed(): Promise<void> {
    const before = this.b.links.length;
    for (let ms = 0; ms < 2 * PROBE_MS && this.b.links.length === before; ms += 100) {
      await this.feed(100);
    }
    assertEquals(this.b.links.length, before + 1, "the second origin is asked");
  }

  get reserve() {
    const { reserve } = this.vhost.upstreams().of("live/show")[0]!;
    return reserve === undefined ? undefined : [reserve.state, reserve.origin];
  }
}

Deno.test("without a probe, nothing is known of an origin that was never asked", async () => {
  const rig = await ReserveRig.start({ probeMs: 0 });
  await rig.feed(40_000);
  assertEquals(rig.b.links.length, 0);
  assertEquals(rig.reserve, ["unknown", B]);
});

Deno.test("an edge with one origin has no reserve", async () => {
  const rig = await ReserveRig.start({ origins: TWO_ORIGINS.slice(0, 1) });
  await rig.feed(40_000);
  assertEquals(rig.reserve, ["none", ""]);
});

Deno.test("a probe finds that the other origin carries the stream, and leaves at the first media", async () => {
  const rig = await ReserveRig.start();
  await rig.untilProbed();
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  assertEquals(rig.reserve, ["ready", B]);
  assertEquals(rig.b.link.commandNames.at(-1), "deleteStream");
  assertEquals(rig.b.openCount, 0);
  const { attempts, probes } = rig.vhost.upstreams().totals;
  assertEquals([attempts, probes], [1, 1], "a probe is no attempt");
});

Deno.test("a probe finds that the other origin lacks the stream, and later that it has it", async () => {
  const rig = await ReserveRig.start();
  rig.b.behaviour = { kind: "refuse", refusal: NOT_FOUND };
  await rig.untilProbed();
  assertEquals(rig.reserve, ["missing", B]);
  rig.b.behaviour = { kind: "accept" };
  await rig.untilProbed();
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  assertEquals(rig.reserve, ["ready", B]);
});

Deno.test("a probe that is refused says so", async () => {
  const rig = await ReserveRig.start();
  rig.b.behaviour = { kind: "refuse", refusal: REJECTED };
  await rig.untilProbed();
  assertEquals(rig.reserve, ["refused", B]);
});

Deno.test("a probe finds that the other origin is down, and that it is back", async () => {
  const rig = await ReserveRig.start();
  rig.b.stopListening();
  await rig.feed(2 * PROBE_MS);
  assertEquals(rig.reserve, ["down", B]);
  const back = new ScriptedOrigin(rig.network, PORT_B);
  for (let ms = 0; ms < 2 * PROBE_MS && back.links.length === 0; ms += 100) await rig.feed(100);
  back.link.sendMedia(...MEDIA);
  await rig.settle();
  assertEquals(rig.reserve, ["ready", B]);
});

Deno.test("an origin that accepts a probe and sends nothing lacks the stream", async () => {
  const rig = await ReserveRig.start();
  await rig.untilProbed();
  await rig.feed(6_000);
  assertEquals(rig.b.openCount, 0);
  assertEquals(rig.reserve, ["missing", B]);
});

Deno.test("what is known of a reserve becomes unknown with time", async () => {
  const rig = await ReserveRig.start();
  await rig.untilProbed();
  rig.b.link.sendMedia(...MEDIA);
  await rig.settle();
  rig.config = { ...rig.config, cluster: { ...rig.config.cluster, probeMs: 0 } };
  rig.vhost.configure(rig.config);
  await rig.feed(31_000);
  assertEquals(rig.reserve, ["unknown", B]);
});

Deno.test("an origin that fell silent is no reserve until it answers", async () => {
  const rig = await ReserveRig.start({ probeMs: 0, isStallAuto: false });
  await rig.feed(2_000);
  await rig.advance(2_100);
  rig.b.link.sendMedia(...MEDIA, keyframe(8_000, 99, 300), interFrame(8_040, 98, 250));
  await rig.advance(300);
  assertEquals(rig.vhost.upstreams().of("live/show")[0]!.origin, B);
  assertEquals(rig.reserve![0], "down");
});

Deno.test("the probes of many streams are spread, and few run at a time", async () => {
  const rig = await ReserveRig.start();
  const count = 60;
  for (let index = 0; index < count; index++) await rig.begin(`show${index}`);
  let most = 0;
  let mostAtOnce = 0;
  for (let ms = 0; ms < 1.3 * PROBE_MS; ms += 100) {
    const before = rig.b.links.length;
    await rig.feed(100);
    most = Math.max(most, rig.b.links.length - before);
    mostAtOnce = Math.max(mostAtOnce, rig.b.openCount);
    for (const link of rig.b.links) if (link.isOpen) link.sendMedia(...MEDIA);
    await rig.settle();
  }
  assert(most <= 8 && mostAtOnce <= 8, `${most} a tick, ${mostAtOnce} at once`);
  assert(rig.b.links.length >= count, `${rig.b.links.length} probes`);
});

Deno.test("no probe takes one of the last places for connections to an origin", async () => {
  const rig = await ReserveRig.start({ maxUpstreams: 4 });
  rig.a.behaviour = { kind: "refuse", refusal: NOT_FOUND };
  for (const name of ["one", "two", "three"]) {
    await rig.play(name);
    rig.b.link.sendMedia(...MEDIA);
    await rig.settle();
  }
  await rig.feed(2 * PROBE_MS);
  assertEquals(rig.b.links.length, 3);
});

Deno.test("a probe ends with the pull", async () => {
  const rig = new ReserveRig({ origins: TWO_ORIGINS, probeMs: PROBE_MS });
  const player = await rig.begin();
  await rig.untilProbed();
  player.leave();
  await rig.assertNothingLeft();
});
