import { defaultConfig } from "../../lib/config/parse_config.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { SlateStore } from "../../lib/server/slate_store.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { createHub } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import {
  audioHeader,
  interFrame,
  keyframe,
  type TinyMessage,
  videoHeader,
} from "../helpers/tiny_media.ts";
import { SLATE_MARK, tinySlate } from "../helpers/tiny_slate.ts";
import { TestPlayer, TestPublisher } from "../helpers/vhost_rig.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 10;
const LIVE_MARK = 0x50;
const AFTER_MS = 3_000;
const GRACE_MS = 10_000;
const FILE = "slate.flv";

/** An origin with a slate, and a player. */
class Rig {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  readonly store = new SlateStore();
  readonly hub = createHub();
  readonly vhost: LocalVhost;
  readonly player: TestPlayer;

  constructor(fallbackFile = FILE) {
    const { clock, log, store, hub } = this;
    const config = defaultConfig().vhosts.values().next().value!;
    const play = { ...config.play, fallbackFile, fallbackAfterMs: AFTER_MS };
    store.replace(new Map([[FILE, tinySlate()]]));
    const slates = { store, logger: log.logger };
    this.vhost = new LocalVhost({ config: { ...config, play }, hub, clock, slates });
    this.player = new TestPlayer(this.vhost);
  }

  publish(...headers: readonly TinyMessage[]): TestPublisher {
    const publisher = new TestPublisher(this.vhost);
    this.push(publisher, videoHeader(), ...headers);
    return publisher;
  }

  push(publisher: TestPublisher, ...messages: readonly TinyMessage[]): void {
    for (const { typeId, timestampMs, payload } of messages) {
      publisher.handle!.push(typeId, timestampMs, payload, this.clock.now());
    }
  }

  /** Sends frames `from` to `to`, without the latter. */
  async run(publisher: TestPublisher, from: number, to: number): Promise<void> {
    for (let number = from; number < to; number++) {
      const make = number % GOP_FRAMES === 0 ? keyframe : interFrame;
      this.push(publisher, make(number * FRAME_MS, LIVE_MARK, 300));
      await this.clock.advance(FRAME_MS);
    }
  }

  /** Runs of frames that the player got: `slate 25`, `live 10`. */
  get runs(): string[] {
    const runs: [name: string, count: number][] = [];
    for (const { payload } of this.frames) {
      const name = payload[20] === SLATE_MARK ? "slate" : "live";
      const last = runs.at(-1);
      if (last?.[0] === name) last[1]++;
      else runs.push([name, 1]);
    }
    return runs.map(([name, count]) => `${name} ${count}`);
  }

  get frames() {
    return this.player.media.filter(({ typeId, payload }) => typeId === 9 && payload[1] === 1);
  }

  lines(message: string) {
    return this.log.lines.filter((line) => line.message === message);
  }

  /** Checks that time advances, and that each part begins with a header and a keyframe. */
  assertDecodable(): void {
    const video = this.player.media.filter(({ typeId }) => typeId === 9);
    const times = video.map(({ timestampMs }) => timestampMs);
    assertEquals(times, times.toSorted((left, right) => left - right));
    video.forEach(({ payload }, index) => {
      const before = video[index - 1]?.payload;
      const isHeader = payload[1] === 0;
      const isChange = before !== undefined && before[1] === 1 && before[20] !== payload[20];
      if (isChange) {
        assert(isHeader || payload[0] === 0x17, `frame ${index} begins with no keyframe`);
      }
      if (before?.[1] === 0 && !isHeader) assertEquals(payload[0], 0x17, `after header ${index}`);
    });
  }
}

for (const departure of ["lost", "stopped"] as const) {
  Deno.test(`a slate follows a publisher that is ${departure}, and the next one follows the slate`, async () => {
    const rig = new Rig();
    const first = rig.publish();
    await rig.run(first, 0, 25);
    first.leave(departure);
    await rig.clock.advance(AFTER_MS - 1);
    assertEquals(rig.runs, ["live 25"]);
    // Longer than the grace.
    await rig.clock.advance(GRACE_MS + 5_000);
    assertEquals(rig.player.statuses, [], "players are told nothing");
    const [, slate] = rig.runs;
    const shown = Number(slate!.split(" ")[1]);
    assertEquals(shown, 375);
    assertEquals(rig.hub.open("live/show").stats.slates, 1);
    assert(rig.hub.open("live/show").isOnSlate);
    // The next one begins within a GOP: the slate continues until its keyframe.
    const second = rig.publish();
    await rig.run(second, 105, 130);
    const [, longer, live] = rig.runs;
    assertEquals(Number(longer!.split(" ")[1]) - shown >= 4, true, longer);
    assertEquals(live, "live 20");
    rig.assertDecodable();
    assertEquals(rig.lines("Slate shown").map(({ fields }) => fields), [{
      file: FILE,
      after_ms: AFTER_MS,
    }]);
    assertEquals(rig.lines("Slate ended")[0]?.fields.cause, "a source is back");
    second.leave();
    rig.vhost.leave(rig.player.stream, rig.player);
    await rig.clock.advance(20_000);
    assertEquals([...rig.hub.streams()].length, 0);
    assertEquals(rig.clock.pendingCount, 0, "timers are left");
  });
}

Deno.test("a new player of a stream that is on slate gets the slate", async () => {
  const rig = new Rig();
  const publisher = rig.publish();
  await rig.run(publisher, 0, 12);
  publisher.leave();
  await rig.clock.advance(AFTER_MS + 500);
  const late = new TestPlayer(rig.vhost);
  await rig.clock.advance(500);
  const frames = late.media.filter(({ typeId }) => typeId === 9);
  assertEquals(frames.slice(0, 2).map(({ payload }) => [payload[0], payload[1]]), [
    [0x17, 0],
    [0x17, 1],
  ]);
  assert(frames.slice(1).every(({ payload }) => payload[20] === SLATE_MARK));
});

Deno.test("a slate ends when no one watches, and the stream with it", async () => {
  const rig = new Rig();
  const publisher = rig.publish();
  await rig.run(publisher, 0, 12);
  publisher.leave();
  await rig.clock.advance(AFTER_MS + 500);
  rig.player.leave();
  await rig.clock.advance(100);
  assertEquals(rig.lines("Slate ended")[0]?.fields.cause, "no one watches");
  assertEquals([...rig.hub.streams()].length, 0);
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
});

Deno.test("no slate follows when the publisher is back in time, or no one watches", async () => {
  const rig = new Rig();
  const first = rig.publish();
  await rig.run(first, 0, 12);
  first.leave("lost");
  await rig.clock.advance(AFTER_MS - 100);
  const second = rig.publish();
  await rig.run(second, 0, 200);
  rig.player.leave();
  second.leave();
  await rig.clock.advance(30_000);
  assertEquals(rig.lines("Slate shown"), []);
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
});

Deno.test("a file with other codecs than the stream is not shown, and one line says so", async () => {
  const rig = new Rig();
  for (let round = 0; round < 2; round++) {
    const publisher = rig.publish(audioHeader());
    await rig.run(publisher, 0, 12);
    publisher.leave();
    await rig.clock.advance(AFTER_MS + 500);
  }
  assertEquals(rig.runs, ["live 24"]);
  const warnings = rig.log.urgent.map(({ message }) => message);
  assertEquals(warnings, [
    "Slate not shown: the file has H.264 and no audio, the stream H.264 and AAC; write a file " +
    "with the codecs of the stream",
  ]);
  // The stream ends, as without a slate.
  assert(rig.player.statuses.includes("NetStream.Play.UnpublishNotify"));
});

Deno.test("without a file, players are told that the stream has ended", async () => {
  const rig = new Rig("");
  const publisher = rig.publish();
  await rig.run(publisher, 0, 12);
  publisher.leave();
  await rig.clock.advance(30_000);
  assertEquals(rig.player.statuses, ["NetStream.Play.UnpublishNotify"]);
});

Deno.test("a slate that is switched off ends the stream", async () => {
  const rig = new Rig();
  const publisher = rig.publish();
  await rig.run(publisher, 0, 12);
  publisher.leave();
  await rig.clock.advance(AFTER_MS + 500);
  const { config } = rig.vhost;
  rig.vhost.configure({ ...config, play: { ...config.play, fallbackFile: "" } });
  await rig.clock.advance(100);
  assertEquals(rig.player.statuses, ["NetStream.Play.UnpublishNotify"]);
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
});

Deno.test("a player's bytes stay decodable over ten changes", async () => {
  const rig = new Rig();
  for (let change = 0; change < 10; change++) {
    const publisher = rig.publish();
    await rig.run(publisher, change * 7, change * 7 + 30);
    publisher.leave(change % 2 === 0 ? "lost" : "stopped");
    await rig.clock.advance(AFTER_MS + 200 + change * 130);
  }
  assertEquals(rig.hub.open("live/show").stats.slates, 10);
  assertEquals(
    rig.runs.map((run) => run.split(" ")[0]),
    new Array(10).fill(["live", "slate"]).flat(),
  );
  rig.assertDecodable();
});

Deno.test("a vhost that closes leaves no slate behind", async () => {
  const rig = new Rig();
  const publisher = rig.publish();
  await rig.run(publisher, 0, 12);
  publisher.leave();
  await rig.clock.advance(AFTER_MS + 500);
  await rig.vhost.close();
  assertEquals(rig.clock.pendingCount, 0, "timers are left");
});
