/**
 * Two origins of one encode break one after the other, each at any message, and the first returns:
 * players get every message once, in order and on one clock.
 */

import { assertEquals } from "../helpers/assert.ts";
import { TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { connectProperty, type OriginLink } from "../helpers/scripted_origin.ts";
import { StreamCheck } from "../helpers/stream_check.ts";
import { isTinyFrame, onClock, TinyEncode } from "../helpers/tiny_encode.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const ENCODE = new TinyEncode();
const MESSAGES = ENCODE.messages;
const HEADERS = ENCODE.headers.length;

/** Sends the headers, and the frames from the newest keyframe before `live` up to `end`. */
function serve(link: OriginLink, span: { live: number; end: number; clockMs: number }): void {
  const { live, end, clockMs } = span;
  const first = ENCODE.keyframeBefore(live);
  const frames = ENCODE.frames.slice(first, end);
  link.sendMedia(...onClock([...ENCODE.headersAt(first), ...frames], clockMs));
}

for (const [where, behindFrames] of [["as far", 0], ["three frames behind", 3]] as const) {
  Deno.test(`a puller loses and duplicates nothing when two origins break in turn and the last is ${where}`, async () => {
    const count = ENCODE.frames.length;
    for (let one = 1; one < count; one++) {
      // The second one may be a little behind, and break before it has anything new.
      for (let two = Math.max(1, one - 3); two < count; two += 2) {
        const rig = new VhostRig({ origins: TWO_ORIGINS });
        const player = await rig.play();
        rig.a.link.sendMedia(...MESSAGES.slice(0, HEADERS + one));
        await rig.settle();
        rig.a.link.reset();
        await rig.settle();
        serve(rig.b.link, { live: Math.min(one, two), end: two, clockMs: 5_000_000 });
        await rig.settle();
        rig.b.link.reset();
        await rig.advance(200);
        const live = Math.max(1, Math.max(one, two) - behindFrames);
        serve(rig.a.link, { live, end: count, clockMs: 9_000_000 });
        await rig.settle();
        const check = new StreamCheck(ENCODE.frames);
        for (const message of player.media.filter(isTinyFrame)) check.accept(message);
        const at = `after ${one} and ${two} frames`;
        assertEquals([check.mismatch, check.count], [null, count], at);
        assertEquals([player.media.length, player.statuses], [HEADERS + count, []], at);
      }
    }
  });
}

Deno.test("an origin that is reached late is asked for all that was missed meanwhile", async () => {
  const rig = new VhostRig({ origins: TWO_ORIGINS, connectTimeoutMs: 5_000 });
  await rig.play();
  rig.a.link.sendMedia(...MESSAGES.slice(0, HEADERS + 5));
  await rig.settle();
  const connect = rig.network.connect.bind(rig.network);
  rig.network.connect = async (...args) => {
    await new Promise<void>((resolve) => rig.clock.after(2_000, resolve));
    return await connect(...args);
  };
  rig.a.link.reset();
  await rig.advance(2_500);
  const asked = connectProperty(rig.b.link, "edgeBacklogMs");
  assertEquals(typeof asked === "number" && asked >= 2_000 && asked <= 3_500, true, `${asked} ms`);
});
