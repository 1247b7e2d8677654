/** The vhost asked upstream is part of a stream: clients who name different vhosts never meet. */

import { assertEquals } from "../helpers/assert.ts";
import { MemoryWorld } from "../helpers/memory_servers.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { keyframe, videoHeader } from "../helpers/tiny_media.ts";

const ORIGIN = 19_350;
const EDGE = 1_936;

/** What each connection asked the origin for: tcUrl and stream. */
function asked({ links }: ScriptedOrigin): string[] {
  return links.map(({ connect, streamName }) => `${connect?.tcUrl} ${streamName}`);
}

Deno.test("An edge gives a player of one vhost nothing of another vhost's stream", async () => {
  const world = new MemoryWorld();
  const origin = new ScriptedOrigin(world.network, ORIGIN);
  world.start(EDGE, ORIGIN);
  const first = await world.play(EDGE, "show?vhost=a.example");
  origin.link.sendMedia(videoHeader(), keyframe(0));
  await world.advance(100);
  const second = await world.play(EDGE, "show?vhost=a.example");
  origin.behaviour = {
    kind: "refuse",
    refusal: { code: "NetStream.Play.Failed", description: "denied" },
  };
  const others = [
    await world.play(EDGE, "show?vhost=b.example"),
    await world.play(EDGE, "show?domain=c.example"),
    await world.play(EDGE),
  ];
  await world.advance(50);
  assertEquals(asked(origin).slice(0, 4), [
    "rtmp://a.example:19350/live show",
    "rtmp://b.example:19350/live show",
    "rtmp://c.example:19350/live show",
    "rtmp://127.0.0.1:19350/live show",
  ]);
  assertEquals([first, second].map(({ media }) => media.length), [2, 2]);
  assertEquals(others.map(({ media }) => media.length), [0, 0, 0]);
  await world.stop();
});

Deno.test("An edge pushes two streams when publishers name two vhosts", async () => {
  const world = new MemoryWorld();
  const origin = new ScriptedOrigin(world.network, ORIGIN);
  world.start(EDGE, ORIGIN);
  const publishers = [
    await world.publish(EDGE, "show?vhost=a.example"),
    await world.publish(EDGE, "show?vhost=b.example&token=1"),
  ];
  assertEquals(publishers.map(({ isStarted }) => isStarted), [true, true]);
  assertEquals(asked(origin), [
    "rtmp://a.example:19350/live show",
    "rtmp://b.example:19350/live show?token=1",
  ]);
  await world.stop();
});
