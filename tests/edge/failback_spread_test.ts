/** Many pulls after a rolling restart of their origins. */

import { assert, assertEquals } from "../helpers/assert.ts";
import { PORT_A, PORT_B, TWO_ORIGINS } from "../helpers/edge_rig.ts";
import { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { interFrame, keyframe, type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";
import { type TestPlayer, VhostRig } from "../helpers/vhost_rig.ts";

const STREAMS = 40;
const FRAME_MS = 250;
const GOP_FRAMES = 8;

/** Where the frame's number stands. */
const NUMBER_AT = 10;

function frameAt(number: number): TinyMessage {
  const make = number % GOP_FRAMES === 0 ? keyframe : interFrame;
  const frame = make(number * FRAME_MS, number % 256, 300);
  frame.payload.set([number >> 8, number & 255], NUMBER_AT);
  return frame;
}

/** An edge that spreads its streams over two origins by their names. */
class SpreadRig extends VhostRig {
  readonly players: TestPlayer[] = [];
  origins = [this.a, this.b];
  #sent = 0;
  readonly #begun = new WeakSet<object>();
  readonly #newest: number[] = [];
  readonly #read: number[] = [];

  constructor() {
    super({
      ...{ origins: TWO_ORIGINS, originSelect: "hash", failbackMs: 30_000, isStallAuto: true },
      ...{ retryMaxMs: 800 },
    });
  }

  /** `host:port` of the origin of each stream. */
  get places(): string[] {
    return this.players.map(({ stream }) => {
      const [pull] = this.vhost.upstreams().of(stream.name);
      return pull?.state === "live" ? pull.origin : "";
    });
  }

  async start(): Promise<void> {
    await this.feed(FRAME_MS);
    for (let index = 0; index < STREAMS; index++) {
      this.players.push(await this.play(`show${index}`));
    }
    await this.feed(4_000);
  }

  restart(index: 0 | 1): void {
    const port = [PORT_A, PORT_B][index]!;
    this.origins[index]!.die();
    this.origins[index] = new ScriptedOrigin(this.network, port);
  }

  /** Both origins send each player a frame, one that begins its GOP first. */
  async feed(durationMs: number): Promise<void> {
    for (let ms = 0; ms < durationMs; ms += FRAME_MS) {
      const number = this.#sent++;
      for (const link of this.origins.flatMap(({ links }) => links)) {
        if (!link.isOpen || link.streamName === "") continue;
        const first = this.#begun.has(link) ? number : number - number % GOP_FRAMES;
        if (!this.#begun.has(link)) link.sendMedia(videoHeader(first * FRAME_MS));
        this.#begun.add(link);
        for (let each = first; each <= number; each++) link.sendMedia(frameAt(each));
      }
      await this.advance(FRAME_MS);
      this.#check();
    }
  }

  /** Each frame follows the one before. */
  #check(): void {
    this.players.forEach(({ media }, player) => {
      const frames = media.filter(({ payload }) => payload.length > 100);
      for (const { payload } of frames.slice(this.#read[player] ?? 0)) {
        const number = payload[NUMBER_AT]! * 256 + payload[NUMBER_AT + 1]!;
        const expected = (this.#newest[player] ?? number - 1) + 1;
        assertEquals(number, expected, `player ${player}`);
        this.#newest[player] = number;
      }
      this.#read[player] = frames.length;
    });
  }
}

Deno.test("after a rolling restart of both origins, streams are spread again within 60 s, and none loses a frame", async () => {
  const rig = new SpreadRig();
  await rig.start();
  const before = rig.places;
  const share = before.filter((place) => place === before[0]).length;
  assert(!before.includes("") && share > STREAMS / 4 && share < STREAMS * 3 / 4, `${before}`);
  for (const index of [0, 1] as const) {
    rig.restart(index);
    await rig.feed(10_000);
    assert(!rig.places.includes(""), "all play");
  }
  let tookMs = 10_000;
  for (; tookMs < 60_000 && String(rig.places) !== String(before); tookMs += 1_000) {
    await rig.feed(1_000);
  }
  assertEquals(rig.places, before, `after ${tookMs} ms`);
  await rig.feed(2_000);
  for (const player of rig.players) assertEquals(player.statuses, []);
});
