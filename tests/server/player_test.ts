/** A connection that plays: held, started, gone. */

import type { VhostConfig } from "../../lib/config/config.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { Hub } from "../../lib/hub/hub.ts";
import type { PublishHandle } from "../../lib/hub/publisher.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheels } from "../../lib/io/flush_wheel.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { mergePeriodMs, Player, type PlayerHost } from "../../lib/server/player.ts";
import { SocketWriter } from "../../lib/io/socket_writer.ts";
import type { StreamRequest } from "../../lib/hub/stream_request.ts";
import { encodePingRequest } from "../../lib/rtmp/control_messages.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { AVC_HEADER, keyframe } from "../helpers/media.ts";
import { readMessages, wordFor } from "../helpers/read_messages.ts";
import { ScriptedTransport } from "../helpers/scripted_transport.ts";

const CHUNK_SIZE = 60_000;

const REQUEST: StreamRequest = {
  url: parseStreamUrl({ tcUrl: "rtmp://server/live", app: "live", stream: "show" }),
  name: "live/show",
  edgePath: [],
  backlogMs: 0,
};

/** The first vhost of the default configuration, changed. */
function vhostConfig(change: (vhost: VhostConfig) => VhostConfig = (vhost) => vhost): VhostConfig {
  return change(defaultConfig().vhosts.values().next().value!);
}

/** An origin whose players' sockets a test settles. */
class Rig {
  readonly clock = new FakeClock();
  readonly chunkSize = CHUNK_SIZE;
  readonly queue = new FlushQueue(this.clock);
  readonly wheels = new FlushWheels(this.queue, this.clock);
  readonly hub = new Hub({
    chunkSize: CHUNK_SIZE,
    isAbsoluteTime: false,
    maxLagMs: 30_000,
    maxBytes: 1_000_000,
    maxMessages: 2_500,
    keepBackMs: 0,
  });
  readonly vhost = new LocalVhost({
    config: vhostConfig((vhost) => ({ ...vhost, play: { ...vhost.play, mwLatencyMs: 350 } })),
    hub: this.hub,
    clock: this.clock,
  });

  join(announcement: Announcement = "sent"): { player: Player; host: Host } {
    const host = new Host(this, announcement);
    const admission = { type: "admitted", service: this.vhost, request: REQUEST } as const;
    const player = new Player(host, this, admission);
    player.start();
    return { player, host };
  }

  publish(): PublishHandle {
    const handle = this.hub.open("live/show").publish();
    assert(handle !== null);
    return handle;
  }
}

/** The result of announcing a play. */
type Announcement = "sent" | "silent" | "withdrawn";

class Host implements PlayerHost {
  readonly takesTracks = true;
  readonly unwantedTracks = [];
  readonly transport = new ScriptedTransport();
  readonly writer: SocketWriter;
  readonly #announcement: Announcement;
  announced = 0;
  stalls = 0;

  constructor({ queue, clock }: Rig, announcement: Announcement) {
    this.#announcement = announcement;
    this.writer = new SocketWriter({
      transport: this.transport,
      queue,
      clock,
      host: { onWriteFailed() {} },
    });
  }

  /** A ping stands for the statuses. */
  announcePlay(): boolean {
    this.announced++;
    if (this.#announcement === "sent") this.writer.send(encodePingRequest(1));
    return this.#announcement !== "withdrawn";
  }

  refusePlay(): void {}

  onStalled(): void {
    this.stalls++;
  }

  get words(): string[] {
    assertEquals(this.transport.faults, []);
    return readMessages(this.transport.received, CHUNK_SIZE).map(wordFor);
  }
}

/** Takes all writes until none is in flight. */
async function acceptAll(clock: FakeClock, { transport }: Host): Promise<void> {
  await clock.settle();
  while (transport.isWriting) {
    transport.accept();
    await clock.settle();
  }
}

Deno.test("Player is held, unannounced, until a source begins", async () => {
  const rig = new Rig();
  const { player, host } = rig.join();
  assert(player.isHeld);
  assertEquals([host.announced, player.cursor], [0, -1]);
  const source = rig.publish();
  assert(!player.isHeld);
  source.push(9, 0, AVC_HEADER, 0);
  source.push(9, 0, keyframe(1), 0);
  await acceptAll(rig.clock, host);
  assertEquals(host.words, ["PingRequest", "video", "video"]);
  player.leave();
});

Deno.test("Player starts at once, without waiting for the wheel", async () => {
  const rig = new Rig();
  rig.publish().push(9, 0, keyframe(1), 0);
  const { player, host } = rig.join("silent");
  await acceptAll(rig.clock, host);
  assertEquals([host.words, rig.clock.now()], [["video"], 0]);
  player.leave();
});

Deno.test("Player that was held gets a source's first media at once, without waiting for the wheel", async () => {
  const rig = new Rig();
  const { player, host } = rig.join("silent");
  const source = rig.publish();
  source.push(9, 0, AVC_HEADER, 0);
  await acceptAll(rig.clock, host);
  source.push(9, 0, keyframe(1), 0);
  source.push(9, 40, keyframe(2), 40);
  await acceptAll(rig.clock, host);
  assertEquals([host.words, rig.clock.now()], [["video", "video", "video"], 0]);
  source.push(9, 80, keyframe(3), 80);
  await acceptAll(rig.clock, host);
  assertEquals(host.words.length, 3);
  player.leave();
});

Deno.test("Player is announced once, however often sources begin", async () => {
  const rig = new Rig();
  const { player, host } = rig.join();
  rig.publish().end("unpublished");
  rig.publish().end("lost");
  await acceptAll(rig.clock, host);
  assertEquals(host.announced, 1);
  player.leave();
});

Deno.test("Player gets nothing when its client has withdrawn the play", async () => {
  const rig = new Rig();
  const { player, host } = rig.join("withdrawn");
  rig.publish().push(9, 0, keyframe(1), 0);
  await rig.clock.advance(1_000);
  assertEquals(host.transport.writes, []);
  assert(player.isHeld);
  player.leave();
});

Deno.test("Player.leave() leaves no viewer, seat or stream behind", async () => {
  const rig = new Rig();
  const held = rig.join();
  const live = rig.join();
  rig.publish().end("lost");
  await acceptAll(rig.clock, live.host);
  held.player.leave();
  live.player.leave();
  live.player.leave();
  assertEquals([...rig.hub.streams()], []);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("Player.check() refuses a player that was held for play_wait", () => {
  const rig = new Rig();
  const { player } = rig.join();
  assertEquals(player.check(29_999), null);
  assertEquals(player.check(30_000), {
    code: "NetStream.Play.StreamNotFound",
    description: 'Stream "live/show" is not live',
  });
  rig.publish();
  assertEquals(player.check(30_000), null);
  player.leave();
});

Deno.test("Player.stats is null while it is held", () => {
  const rig = new Rig();
  const { player } = rig.join();
  assertEquals(player.stats, null);
  rig.publish();
  assertEquals(player.stats, { skips: 0, skippedBytes: 0 });
  player.leave();
});

Deno.test("Player writes once per merge period", async () => {
  const rig = new Rig();
  const { player, host } = rig.join();
  const source = rig.publish();
  source.push(9, 0, keyframe(0), 0);
  await acceptAll(rig.clock, host);
  const writesBefore = host.transport.writes.length;
  for (let timeMs = 10; timeMs <= 3_500; timeMs += 10) {
    source.push(9, timeMs, keyframe(timeMs), timeMs);
    await rig.clock.advance(10);
    if (host.transport.isWriting) host.transport.accept();
  }
  assertEquals(host.transport.writes.length - writesBefore, 10);
  player.leave();
});

type Period = number | "auto";

const PERIODS: readonly (readonly [
  minLatency: boolean,
  mwLatencyMs: Period,
  periodMs: Period,
  forEdgesMs: number,
])[] = [
  [false, 350, 350, 20],
  [false, 10, 10, 10],
  [false, 0, 1, 1],
  [false, "auto", "auto", 20],
  [true, 350, 40, 20],
  [true, "auto", 40, 20],
];

for (const [minLatency, mwLatencyMs, periodMs, forEdgesMs] of PERIODS) {
  Deno.test(`mergePeriodMs() is ${periodMs} for min_latency ${minLatency}, mw_latency ${mwLatencyMs}`, () => {
    const config = vhostConfig((vhost) => ({
      ...vhost,
      minLatency,
      play: { ...vhost.play, mwLatencyMs },
    }));
    assertEquals(mergePeriodMs(config, false), periodMs);
    assertEquals(mergePeriodMs(config, true), forEdgesMs);
  });
}

Deno.test("1,000 players that start at once cause at most 64 writes per turn", async () => {
  const rig = new Rig();
  const joined = Array.from({ length: 1_000 }, () => rig.join());
  const countWrites = () =>
    joined.reduce((count, { host }) => count + host.transport.writes.length, 0);
  const source = rig.publish();
  source.push(9, 0, AVC_HEADER, 0);
  source.push(9, 0, keyframe(1), 0);
  let most = 0;
  let before = 0;
  // Every yielded turn is a timer of 0 ms; the socket takes a write a turn later.
  const turn = rig.clock.yield.bind(rig.clock);
  rig.clock.yield = (run) =>
    turn(() => {
      const after = countWrites();
      most = Math.max(most, after - before);
      before = after;
      run();
    });
  await rig.clock.advance(0);
  assertEquals(countWrites(), 1_000);
  assert(most <= 64, `${most} writes in a turn`);
  for (const { host, player } of joined) {
    await acceptAll(rig.clock, host);
    assertEquals(host.words, ["PingRequest", "video", "video"]);
    player.leave();
  }
});
