import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_A } from "../helpers/edge_rig.ts";
import { type OriginLink, ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { SLATE_MARK, tinySlate } from "../helpers/tiny_slate.ts";
import { TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const FILE = "slate.flv";
const AFTER_MS = 3_000;
const LIVE_MARK = 0x50;
const FRAME_MS = 40;

function createRig(): VhostRig {
  const rig = new VhostRig();
  rig.slates.replace(new Map([[FILE, tinySlate()]]));
  const { config } = rig.vhost;
  const play = { ...config.play, fallbackFile: FILE, fallbackAfterMs: AFTER_MS };
  rig.vhost.configure({ ...config, play });
  return rig;
}

/** Sends frames from `from` on, with a keyframe every ten. */
async function run(rig: VhostRig, link: OriginLink, from: number, count: number): Promise<void> {
  for (let number = from; number < from + count; number++) {
    const make = number % 10 === 0 ? keyframe : interFrame;
    link.sendMedia(make(number * FRAME_MS, LIVE_MARK, 300));
    await rig.advance(FRAME_MS);
  }
}

/** What a player got: `slate` and `live`, each with the first byte of its first video frame. */
function runsOf(player: TestPlayer): string[] {
  const frames = player.media.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1);
  const times = frames.map(({ timestampMs }) => timestampMs);
  assertEquals(times, times.toSorted((left, right) => left - right));
  return frames.flatMap(({ payload }, index) => {
    const isSame = frames[index - 1]?.payload[20] === payload[20];
    const name = payload[20] === SLATE_MARK ? "slate" : "live";
    return isSame ? [] : [`${name} ${payload[0]!.toString(16)}`];
  });
}

Deno.test("an edge shows its slate while all origins are gone, and the stream at its keyframe", async () => {
  const rig = createRig();
  const player = await rig.play();
  rig.a.link.sendMedia(videoHeader());
  await run(rig, rig.a.link, 0, 25);
  rig.a.die();
  await rig.advance(AFTER_MS + 5_000);
  assertEquals(runsOf(player), ["live 17", "slate 17"]);
  const late = await rig.play();
  await rig.advance(1_000);
  assertEquals(runsOf(late), ["slate 17"]);
  const revived = new ScriptedOrigin(rig.network, PORT_A);
  await rig.advance(6_000);
  // In the middle of a GOP.
  revived.link.sendMedia(videoHeader());
  await run(rig, revived.link, 103, 20);
  for (const each of [player, late]) {
    assertEquals(runsOf(each).slice(-2), ["slate 17", "live 17"]);
    assertEquals(each.statuses.filter((code) => code.includes("Unpublish")), []);
    each.leave();
  }
  await rig.assertNothingLeft();
});

Deno.test("an edge shows its slate when the stream has ended at the origin", async () => {
  const rig = createRig();
  const player = await rig.play();
  rig.a.link.sendMedia(videoHeader());
  await run(rig, rig.a.link, 0, 12);
  rig.a.link.sendStatus("NetStream.Play.UnpublishNotify");
  await rig.advance(AFTER_MS + 1_000);
  assertEquals(runsOf(player), ["live 17", "slate 17"]);
  assertEquals(player.statuses, []);
  await run(rig, rig.a.link, 20, 12);
  assertEquals(runsOf(player), ["live 17", "slate 17", "live 17"]);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("an edge whose player leaves during the slate keeps nothing", async () => {
  const rig = createRig();
  const player = await rig.play();
  rig.a.link.sendMedia(videoHeader());
  await run(rig, rig.a.link, 0, 12);
  rig.a.die();
  await rig.advance(AFTER_MS + 1_000);
  player.leave();
  await rig.assertNothingLeft();
  assert(rig.hub.totals.slates === 1);
});
