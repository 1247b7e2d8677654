/** One encoder with one connection, and two origins that have its stream: either may die. */

import { addressOf, streamUrl } from "../helpers/servers.ts";
import { say } from "../helpers/say.ts";
import { canRunPrograms, edgeVhost, FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { checkGapless } from "./failover_scenes.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample } from "./sample.ts";

const WATCH_SECONDS = 10;
const MAX_SILENCE_MS = 250;

Deno.test({
  name: "players of an encoder at an edge with `push all` lose nothing when each origin is killed",
  ignore: !await canRunPrograms(),
  async fn() {
    await using rig = await FailoverRig.create();
    const sample = await createSample(rig.directory, WATCH_SECONDS);
    const first = await rig.origin("first");
    const second = await rig.origin("second");
    const origins = [addressOf(first), addressOf(second)];
    const vhost = edgeVhost(origins).replace("mode remote;", "cluster { push all; } mode remote;");
    const entry = await rig.server("entry", vhost);
    const one = await rig.edge("one", [first, second]);
    const other = await rig.edge("other", [second, first]);
    const far = await rig.edge("far", [one]);
    const publisher = await rig.publish(FFMPEG, sample, streamUrl(entry, STREAM));
    const players = [one, other, far].map((server) => rig.play(server, WATCH_SECONDS));
    const clocks = [await rig.watch(other), await rig.watch(far)];
    const [nearClock, farClock] = clocks as [typeof clocks[0], typeof clocks[0]];
    await rig.untilMore(farClock, "the stream has run for a while");
    const port = first.port;
    await kill(first);
    await rig.untilMore(farClock, "the stream continues without the first origin");
    const back = await rig.origin("first", { port });
    const backClock = await rig.watch(back);
    await rig.untilMore(backClock, "the first origin has the stream again", 5);
    await kill(second);
    await rig.untilMore(nearClock, "the stream continues without the second origin");

    for (const player of players) {
      await checkGapless(rig, { player, sample, seconds: WATCH_SECONDS });
    }
    for (const { name, longestSilenceMs, isTimeForward } of clocks) {
      const silenceMs = Math.round(longestSilenceMs);
      say(`  players of ${name} silent for ${silenceMs} ms`);
      rig.assert(silenceMs <= MAX_SILENCE_MS, `Players of ${name}: ${silenceMs} ms without frames`);
      rig.assert(isTimeForward, `Time went back at ${name}`);
    }
    rig.assert(publisher.status === undefined, `It was dropped: ${publisher.describe()}`);
  },
});
