/** A publisher that returns with other tracks: newcomers at edges, and at edges of edges. */

import { assertEquals } from "../helpers/assert.ts";
import { type MemoryClient, MemoryWorld } from "../helpers/memory_servers.ts";
import {
  audioFrame,
  audioHeader,
  keyframe,
  type TinyMessage,
  videoHeader,
} from "../helpers/tiny_media.ts";

const ORIGIN = 1935;
const EDGE = 1936;
const SECOND_EDGE = 1937;
const PORTS = [ORIGIN, EDGE, SECOND_EDGE];

const TRACKS = {
  audio: { header: audioHeader, frame: audioFrame, typeId: 8 },
  video: { header: videoHeader, frame: keyframe, typeId: 9 },
} as const;

type TrackName = keyof typeof TRACKS;

async function send(world: MemoryWorld, publisher: MemoryClient, names: TrackName[]) {
  publisher.push(...names.map((name) => TRACKS[name].header()));
  for (let timeMs = 0; timeMs < 1_000; timeMs += 40) {
    publisher.push(...names.map((name): TinyMessage => TRACKS[name].frame(timeMs)));
    await world.advance(40);
  }
}

function typesOf({ media }: MemoryClient, from = 0): number[] {
  return [...new Set(media.slice(from).map(({ typeId }) => typeId))].sort();
}

for (const stays of ["audio", "video"] as const) {
  Deno.test(`a publisher returns with ${stays} only: newcomers at both edges get that, and old players continue`, async () => {
    const world = new MemoryWorld();
    world.start(ORIGIN);
    world.start(EDGE, ORIGIN);
    world.start(SECOND_EDGE, EDGE);
    const first = await world.publish(ORIGIN);
    await send(world, first, ["audio", "video"]);
    const old = [];
    for (const port of PORTS) old.push(await world.play(port));
    await world.advance(100);
    await send(world, first, ["audio", "video"]);
    const counts = old.map(({ media }) => media.length);
    first.close();
    await world.advance(500);
    const second = await world.publish(ORIGIN);
    await send(world, second, [stays]);
    for (const port of PORTS) {
      const newcomer = await world.play(port);
      await world.advance(100);
      assertEquals([port, typesOf(newcomer)], [port, [TRACKS[stays].typeId]]);
    }
    for (const [index, player] of old.entries()) {
      // Its header and 25 frames.
      assertEquals(player.media.length - counts[index]!, 26);
      assertEquals(typesOf(player, counts[index]), [TRACKS[stays].typeId]);
      assertEquals(player.isEnded, false);
      assertEquals(player.statuses.filter((code) => /Unpublish/.test(code)), []);
    }
    await world.stop();
  });
}
