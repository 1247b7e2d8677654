/** Enhanced RTMP recordings of another program, published tag by tag through every arrangement. */

import { readFlv } from "../../lib/media/flv_file.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { AV1_OPUS_MULTIPACKET_FLV } from "../fixtures/av1_opus_multipacket_flv.ts";
import { assertEquals } from "../helpers/assert.ts";
import { type LocalServer, startEdgeOf, startOrigin } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { type MediaMessage, RtmpClient } from "../helpers/rtmp_client.ts";
import { StreamCheck } from "../helpers/stream_check.ts";

interface Fixture {
  readonly name: string;
  readonly tags: readonly MediaMessage[];
  /**
   * Index of the tag at which a late joiner starts: the last keyframe (payload starts with 0x91).
   */
  readonly lastKeyframe: number;
}

/**
 * Tags that a late joiner receives first, in both files: metadata, Opus header (0x90), Opus channel
 * layout (0x94), the second AV1 header (0x90; it replaces the empty one of tag 1), HDR metadata
 * (0xD4).
 */
const LEAD = [0, 2, 3, 5, 6];

const FIXTURES: readonly Fixture[] = [
  { name: "av1-opus.flv", tags: readFlv(AV1_OPUS_FLV).tags, lastKeyframe: 7 },
  {
    name: "av1-opus-multipacket.flv",
    tags: readFlv(AV1_OPUS_MULTIPACKET_FLV).tags,
    lastKeyframe: 729,
  },
];

/** Servers of a test. All of them are played from, one is published to. */
interface Scene {
  readonly name: string;
  start(stack: AsyncDisposableStack): { servers: LocalServer[]; target: LocalServer };
}

const SCENES: readonly Scene[] = [
  {
    name: "an origin",
    start(stack) {
      const origin = stack.use(startOrigin());
      return { servers: [origin], target: origin };
    },
  },
  {
    name: "an edge of the origin it is published to",
    start(stack) {
      const origin = stack.use(startOrigin());
      const edge = stack.use(startEdgeOf(origin));
      return { servers: [origin, edge], target: origin };
    },
  },
  {
    name: "the origin of the edge it is published to",
    start(stack) {
      const origin = stack.use(startOrigin());
      const edge = stack.use(startEdgeOf(origin));
      return { servers: [origin, edge], target: edge };
    },
  },
  {
    name: "an edge of an edge of the origin it is published to",
    start: (stack) => startChain(stack, "origin"),
  },
  {
    name: "the origin of an edge of the edge it is published to",
    start: (stack) => startChain(stack, "outer"),
  },
];

function startChain(stack: AsyncDisposableStack, at: "origin" | "outer") {
  const origin = stack.use(startOrigin());
  const middle = stack.use(startEdgeOf(origin));
  const outer = stack.use(startEdgeOf(middle));
  return { servers: [origin, middle, outer], target: at === "origin" ? origin : outer };
}

for (const fixture of FIXTURES) {
  for (const scene of SCENES) {
    netTest(`${fixture.name} arrives unchanged through ${scene.name}`, () => relay(fixture, scene));
  }
}

async function relay({ tags, lastKeyframe }: Fixture, scene: Scene): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { servers, target } = scene.start(stack);
  const early = await playEach(servers, stack);
  // All but the outermost also serve an edge, which must be connected before the first message.
  for (const server of servers.slice(0, -1)) await server.untilCounts({ players: 2 });
  const publisher = stack.use(await RtmpClient.publish(target.port, "show"));
  for (const tag of tags) publisher.push(tag);
  for (const player of early) {
    await player.untilMedia(tags.length);
    assertSame(player.media, tags);
  }

  const joinMs = tags[lastKeyframe]!.timestampMs;
  const [metadata, ...headers] = LEAD.map((index) => tags[index]!);
  // Headers belong to the keyframe; metadata has no time, so it keeps its 0.
  const lead = [metadata!, ...headers.map((tag) => ({ ...tag, timestampMs: joinMs }))];
  const lateTags = [...lead, ...tags.slice(lastKeyframe)];
  for (const player of await playEach(servers, stack)) {
    await player.untilMedia(lateTags.length);
    assertSame(player.media, lateTags);
  }
  for (const { log } of servers) assertEquals(log.urgent, []);
}

async function playEach(
  servers: readonly LocalServer[],
  stack: AsyncDisposableStack,
): Promise<RtmpClient[]> {
  const players = await Promise.all(servers.map(({ port }) => RtmpClient.play(port, "show")));
  for (const player of players) stack.use(player);
  return players;
}

function assertSame(got: readonly MediaMessage[], expected: readonly MediaMessage[]): void {
  const check = new StreamCheck(expected);
  for (const message of got) check.accept(message);
  assertEquals(check.mismatch, null);
  assertEquals(got.length, expected.length);
}
