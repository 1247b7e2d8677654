/** Two sources of one encode at once: every moment of failure, every lag, every hole. */

import { addU32, diffU32 } from "../../lib/base/u32.ts";
import { DeliveryHistory } from "../../lib/splice/delivery_history.ts";
import { Merge } from "../../lib/splice/merge.ts";
import { MergeLeg } from "../../lib/splice/merge_leg.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { audioHeader, type TinyMessage, videoHeader } from "../helpers/tiny_media.ts";

const COUNT = 120;
const GOP_MESSAGES = 30;
const STREAM_SHIFT_MS = 7_000;
const CLOCK_B_MS = 0xFFFFFFFF - 1_000;

/** Video frames 40 ms and audio frames 20 ms apart; no two equal but in audio, where many are. */
const FRAMES: readonly TinyMessage[] = Array.from({ length: COUNT }, (_, index) => {
  const isVideo = index % 3 === 0;
  const timestampMs = Math.floor(index / 3) * 40 + (index % 3 === 2 ? 20 : 0);
  if (!isVideo) {
    return {
      typeId: 8,
      timestampMs,
      payload: new Uint8Array([0xAF, 1, index % 7, 0, 0, 0, 0, 0, 0]),
    };
  }
  const payload = new Uint8Array(260).fill(index & 255);
  payload.set([index % GOP_MESSAGES === 0 ? 0x17 : 0x27, 1, 0, 0, 0, index >> 8, index & 255]);
  return { typeId: 9, timestampMs, payload };
});

/** A merge whose first source has delivered the first frames. */
class MergeRig {
  nowMs = 0;
  readonly delivered: TinyMessage[] = [];
  readonly history = new DeliveryHistory();
  lostFrames = 0;
  readonly merge = new Merge({
    history: this.history,
    shiftOf: () => STREAM_SHIFT_MS,
    deliver: (typeId, timestampMs, payload) =>
      this.#deliver({ typeId, timestampMs, payload: payload.slice() }),
    onLost: (frames) => this.lostFrames += frames,
  });
  readonly a: MergeLeg;

  constructor(delivered: number) {
    for (const header of [videoHeader(), audioHeader()]) this.#deliver(header);
    for (const frame of FRAMES.slice(0, delivered)) this.#deliver(frame);
    this.a = MergeLeg.atHead(this.history, () => STREAM_SHIFT_MS);
    this.merge.add(this.a);
  }

  /** Adds a source that is `clockMs` off. */
  add(clockMs = CLOCK_B_MS): MergeLeg {
    const align = { sourceMs: clockMs, streamMs: STREAM_SHIFT_MS };
    const leg = MergeLeg.aligned(this.history, align);
    this.merge.add(leg);
    return leg;
  }

  send(leg: MergeLeg, index: number, clockMs = leg === this.a ? 0 : CLOCK_B_MS): void {
    const frame = FRAMES[index];
    if (frame === undefined) return;
    const { typeId, timestampMs, payload } = frame;
    this.merge.offer(leg, typeId, addU32(timestampMs, clockMs), payload, this.nowMs);
  }

  tick(ms: number): void {
    this.nowMs += ms;
    this.merge.check(this.nowMs);
  }

  /** Checks that each track has all frames but `lost`, once, in order, on the first clock. */
  check(what: string, lost: readonly number[] = []): void {
    for (const typeId of [8, 9]) {
      const expected = FRAMES.filter((frame, at) => frame.typeId === typeId && !lost.includes(at));
      const got = this.delivered.filter((each) => each.typeId === typeId && each.payload[1] === 1);
      const describe = ({ timestampMs, payload }: TinyMessage) =>
        `${diffU32(timestampMs, 0)} ${payload.slice(0, 8)}`;
      assertEquals(got.map(describe), expected.map(describe), what);
    }
  }

  #deliver({ typeId, timestampMs, payload }: TinyMessage): void {
    this.delivered.push({ typeId, timestampMs, payload });
    this.history.note(typeId, addU32(timestampMs, STREAM_SHIFT_MS), payload, this.nowMs);
  }
}

for (const lag of [-9, -1, 0, 1, 2, 3, 10, GOP_MESSAGES, 2 * GOP_MESSAGES]) {
  Deno.test(`Merge loses and doubles nothing when one source, ${lag} messages behind, is lost at any message`, () => {
    for (const victim of ["first", "second"] as const) {
      for (let at = 0; at < COUNT; at++) {
        const rig = new MergeRig(20);
        const b = rig.add();
        const isDead = { first: false, second: false };
        for (let now = 0; now < COUNT + Math.abs(lag); now++) {
          if (now === at) {
            isDead[victim] = true;
            rig.merge.remove(victim === "first" ? rig.a : b);
          }
          if (!isDead.first && now >= 20) rig.send(rig.a, now);
          if (!isDead.second && now - lag >= 0) rig.send(b, now - lag);
          rig.tick(13);
        }
        for (let rest = COUNT + Math.abs(lag); rest < COUNT + 2 * Math.abs(lag); rest++) {
          if (!isDead.second) rig.send(b, rest - lag);
        }
        // The second is too far ahead to know what the first had not sent.
        if (lag < 0 && victim === "first" && at < 20 - lag) continue;
        if (victim === "second" || !isDead.second) rig.check(`${victim} lost at ${at}`);
      }
    }
  });
}

for (const length of [1, 2, 3, 12]) {
  Deno.test(`Merge fills a hole of ${length} messages in either source from the other`, () => {
    for (const holed of ["first", "second"] as const) {
      for (const lag of [-2, 0, 2]) {
        for (let hole = 30; hole < 80; hole++) {
          const rig = new MergeRig(20);
          const b = rig.add();
          for (let now = 20; now < COUNT + 12; now++) {
            const isHole = (index: number) => index >= hole && index < hole + length;
            if (holed !== "first" || !isHole(now)) rig.send(rig.a, now);
            const second = now - lag;
            if (now === 20) { for (let at = 0; at < second; at++) rig.send(b, at); }
            if (holed !== "second" || !isHole(second)) rig.send(b, second);
            rig.tick(13);
          }
          rig.check(`${holed} has a hole at ${hole}, lag ${lag}`);
          assertEquals(rig.lostFrames, 0);
        }
      }
    }
  });
}

Deno.test("Merge continues when both sources have the same hole, and counts what is lost", () => {
  const rig = new MergeRig(20);
  const b = rig.add();
  const lost = [48, 49, 50, 51, 52, 53];
  for (let now = 20; now < COUNT; now++) {
    if (!lost.includes(now)) [rig.a, b].forEach((leg) => rig.send(leg, now));
    rig.tick(13);
  }
  rig.check("", lost);
  assertEquals(rig.lostFrames, 2);
});

Deno.test("Merge waits 200 ms for a source that is silent, no longer", () => {
  const rig = new MergeRig(21);
  rig.add();
  rig.send(rig.a, 24);
  rig.tick(190);
  const before = rig.delivered.length;
  rig.tick(20);
  assertEquals(rig.delivered.length - before, 1);
  assertEquals(rig.lostFrames, 1);
});

Deno.test("Merge carries a stream over two breaks in a row", () => {
  for (let first = 25; first < 70; first++) {
    for (const gap of [1, 5, 20]) {
      const rig = new MergeRig(20);
      const b = rig.add();
      let c: MergeLeg | null = null;
      for (let now = 20; now < COUNT; now++) {
        if (now < first) rig.send(rig.a, now);
        if (now === first) {
          rig.merge.remove(rig.a);
          c = rig.add(500);
          for (let at = Math.max(0, now - 20); at < now; at++) rig.send(c, at, 500);
        }
        if (now < first + gap) rig.send(b, now);
        if (now === first + gap) rig.merge.remove(b);
        if (c !== null) rig.send(c, now, 500);
        rig.tick(13);
      }
      rig.check(`breaks at ${first} and ${first + gap}`);
    }
  }
});

Deno.test("Merge delivers a new header once, where it belongs", () => {
  const rig = new MergeRig(20);
  const b = rig.add();
  const header = { typeId: 9, timestampMs: 0, payload: new Uint8Array([0x17, 0, 0, 0, 0, 9, 9]) };
  for (let now = 20; now < 60; now++) {
    for (const [leg, index] of [[rig.a, now], [b, now - 5]] as const) {
      if (index === 30) rig.merge.offer(leg, 9, 400, header.payload, rig.nowMs);
      rig.send(leg, index);
    }
  }
  const headers = rig.delivered.filter(({ payload }) => payload[5] === 9 && payload[1] === 0);
  assertEquals(headers.length, 1);
});

Deno.test("Merge finds out that a source is another encode", () => {
  const rig = new MergeRig(20);
  const b = rig.add();
  for (let now = 20; now < COUNT; now++) {
    rig.send(rig.a, now);
    const { typeId, timestampMs, payload } = FRAMES[now - 3]!;
    const other = payload.map((byte, at) => at > 1 ? byte ^ 0x55 : byte);
    rig.merge.offer(b, typeId, addU32(timestampMs, CLOCK_B_MS), other, rig.nowMs);
  }
  assertEquals(b.isForeign, true);
  rig.check("");
});

for (
  const { what, bytes, count, most } of [
    { what: "small", bytes: 10, count: 2_000, most: 256 },
    { what: "large", bytes: 1 << 20, count: 40, most: 8 },
  ]
) {
  Deno.test(`Merge holds no more than ${most} ${what} frames of a source that floods it`, () => {
    const rig = new MergeRig(20);
    rig.add();
    let held = 0;
    for (let index = 0; index < count; index++) {
      const payload = new Uint8Array(bytes).fill(index & 255, 5);
      payload.set([0x27, 1, 0, index >> 8, index & 255]);
      const before = rig.delivered.length;
      rig.merge.offer(rig.a, 9, 60_000 + index * 1_000, payload, rig.nowMs);
      held += 1 - (rig.delivered.length - before);
      assert(held <= most, `${held} frames are held`);
    }
    rig.tick(200);
    assertEquals(rig.delivered.filter(({ timestampMs }) => timestampMs >= 60_000).length, count);
  });
}
