/** `Joiner` on files that are repeated: every frame occurs at several places of the stream. */

import { addU32 } from "../../lib/base/u32.ts";
import { DeliveryHistory } from "../../lib/splice/delivery_history.ts";
import { Joiner, type JoinOptions, originPatienceMs } from "../../lib/splice/joiner.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 25;
const SOURCE_CLOCK_MS = 0xFFFFFFFF - 3_000;
const STREAM_CLOCK_MS = 70_000;
/** The wall clock shows this when the stream begins. */
const START_MS = 12_345;

/** Frame `index` of a file with `loop` frames that is repeated. */
function frameOf(index: number, loop: number): Uint8Array {
  const number = index % loop;
  const payload = new Uint8Array(300).fill(number * 7);
  payload.set([number % GOP_FRAMES === 0 ? 0x17 : 0x27, 1, 0, 0, 0, number >> 8, number]);
  return payload;
}

interface Scene {
  readonly loop: number;
  /** Frames delivered when the last origin is lost. */
  readonly delivered: number;
  /** First frame that the next origin sends. */
  readonly from: number;
  /** How long nothing is delivered before that, in ms. */
  readonly silenceMs: number;
  /** How much later than those of the last origin the next one's live frames arrive, in ms. */
  readonly lateMs?: number;
  readonly options?: Partial<JoinOptions>;
}

/** Plays a scene. @returns the frame that players get next, its time, and when, from the loss on */
function join({ loop, delivered, from, silenceMs, lateMs = 0, options }: Scene) {
  const history = new DeliveryHistory();
  for (let index = 0; index < delivered; index++) {
    const streamMs = STREAM_CLOCK_MS + index * FRAME_MS;
    history.note(9, streamMs, frameOf(index, loop), START_MS + index * FRAME_MS);
  }
  const lostMs = START_MS + (delivered - 1) * FRAME_MS;
  const joiner = new Joiner(history, lostMs, {
    ...{ how: "after", patienceMs: originPatienceMs, reachMs: 1_000 + silenceMs },
    ...options,
  });
  for (let index = from;; index++) {
    // Its GOP cache at once, then what is live.
    const nowMs = Math.max(START_MS + index * FRAME_MS + lateMs, lostMs + silenceMs);
    const sourceMs = addU32(SOURCE_CLOCK_MS, index * FRAME_MS);
    const joined = joiner.offer(9, sourceMs, frameOf(index, loop), nowMs);
    assert(nowMs - lostMs < 6_000, "never joined");
    if (joined === null) continue;
    const first = joined.messages[0]!;
    const isSpliced = joined.align !== null;
    const next = addU32(first.timestampMs, -SOURCE_CLOCK_MS) / FRAME_MS;
    const shiftMs = isSpliced ? addU32(joined.align.streamMs, -joined.align.sourceMs) : 0;
    return {
      isSpliced,
      next,
      streamMs: addU32(first.timestampMs, shiftMs),
      afterMs: nowMs - lostMs,
    };
  }
}

for (const loop of [25, 50, 100, 250]) {
  for (const silenceMs of [80, 2_100]) {
    Deno.test(`a file of ${loop} frames, repeated, continues with the very next frame after ${silenceMs} ms`, () => {
      // Two repetitions are remembered, at least; the loss is at every frame of one.
      for (let delivered = 2 * loop + 5; delivered < 3 * loop + 5; delivered++) {
        const live = delivered + Math.round(silenceMs / FRAME_MS);
        // A second further back, or a GOP more; or no further than the newest keyframe.
        for (const backMs of [1_000, 0]) {
          const reach = live - Math.round((backMs + (backMs > 0 ? silenceMs : 0)) / FRAME_MS);
          const from = reach - reach % GOP_FRAMES;
          if (from > delivered) continue;
          const where = `lost after ${delivered}, next from ${from}`;
          const { isSpliced, next, streamMs, afterMs } = join({ loop, delivered, from, silenceMs });
          assertEquals([isSpliced, next], [true, delivered], where);
          assertEquals(streamMs, STREAM_CLOCK_MS + delivered * FRAME_MS, where);
          assert(afterMs <= silenceMs + 250, `${where}: after ${afterMs} ms`);
        }
      }
    });
  }
}

Deno.test("a file that begins to repeat itself is not waited for once more", () => {
  const loop = 100;
  // All of the file was delivered once; the next origin begins with its first frame again.
  const { isSpliced, next, afterMs } = join({ loop, delivered: loop, from: loop, silenceMs: 80 });
  assertEquals([isSpliced, next], [false, loop]);
  assert(afterMs <= 350, `after ${afterMs} ms`);
});

Deno.test("a push of a repeated file is joined where it is, though it repeats more than a repetition", () => {
  const loop = 50;
  for (let delivered = 210; delivered < 260; delivered++) {
    for (const backFrames of [30, 60, 110]) {
      const start = delivered - backFrames;
      const from = start - start % GOP_FRAMES;
      const options = { patienceMs: () => 10_000, reachMs: Infinity };
      const where = `lost after ${delivered}, next from ${from}`;
      const { isSpliced, next, streamMs } = join({ loop, delivered, from, silenceMs: 80, options });
      assertEquals([isSpliced, next], [true, delivered], where);
      assertEquals(streamMs, STREAM_CLOCK_MS + delivered * FRAME_MS, where);
    }
  }
});

Deno.test("an origin that passes on all that a push repeats, late, is joined where it is", () => {
  const [loop, silenceMs] = [100, 600];
  for (let delivered = 210; delivered < 310; delivered++) {
    for (const [backFrames, lateMs] of [[87, 500], [100, 500], [100, 0]] as const) {
      const start = delivered - backFrames;
      const from = start - start % GOP_FRAMES;
      const where = `lost after ${delivered}, next from ${from}, ${lateMs} ms late`;
      const { isSpliced, next, streamMs } = join({ loop, delivered, from, silenceMs, lateMs });
      assertEquals([isSpliced, next], [true, delivered], where);
      assertEquals(streamMs, STREAM_CLOCK_MS + delivered * FRAME_MS, where);
    }
  }
});

Deno.test("a push that begins before all that is remembered continues with the very next frame", () => {
  const options = { patienceMs: () => 10_000, reachMs: Infinity };
  const history = new DeliveryHistory();
  const loop = 1_000;
  // A pull has begun with frame 50, and brought 30 frames.
  for (let index = 50; index < 80; index++) {
    history.note(9, (index - 50) * FRAME_MS, frameOf(index, loop), index * FRAME_MS);
  }
  const joiner = new Joiner(history, 79 * FRAME_MS, { how: "after", ...options });
  for (let index = 25;; index++) {
    const nowMs = Math.max(index, 81) * FRAME_MS;
    const joined = joiner.offer(9, index * FRAME_MS, frameOf(index, loop), nowMs);
    if (joined === null) continue;
    assertEquals([index, joined.align !== null, joined.messages.length], [80, true, 1]);
    return;
  }
});

Deno.test("a source whose GOP cache arrives in flights is not taken for one that is far behind", () => {
  const history = new DeliveryHistory();
  const loop = 1_000;
  const lost = 60;
  for (let index = 0; index < lost; index++) {
    history.note(9, index * FRAME_MS, frameOf(index, loop), index * FRAME_MS);
  }
  const audio = Uint8Array.of(0xAF, 1, 5);
  history.note(8, 58 * FRAME_MS, audio, 58 * FRAME_MS);
  const options = { how: "after", patienceMs: originPatienceMs, reachMs: 3_000 } as const;
  const joiner = new Joiner(history, (lost - 1) * FRAME_MS, options);
  const beganMs = lost * FRAME_MS + 2_400;
  const offer = (index: number, nowMs: number) =>
    joiner.offer(9, index * FRAME_MS, frameOf(index, loop), nowMs);
  for (let index = 50; index < 58; index++) assertEquals(offer(index, beganMs), null);
  // A busy machine sends the next part 200 ms later, audio first.
  assertEquals(joiner.offer(8, 58 * FRAME_MS, audio, beganMs + 200), null);
  assertEquals(offer(58, beganMs + 200), null);
  assertEquals(offer(59, beganMs + 200), null);
  const joined = offer(lost, beganMs + 200)!;
  assertEquals([joined.align !== null, joined.messages.length], [true, 1]);
});

Deno.test("a GOP cache that a busy machine reads with pauses of up to 250 ms is not taken for a source that is far behind", () => {
  const loop = 1_000;
  const lost = 90;
  for (const firstPauseMs of [40, 110, 160, 250]) {
    for (const secondPauseMs of [10, 30, 60, 110, 250]) {
      const history = new DeliveryHistory();
      for (let index = 0; index < lost; index++) {
        history.note(9, index * FRAME_MS, frameOf(index, loop), index * FRAME_MS);
      }
      const options = { how: "after", patienceMs: originPatienceMs, reachMs: 3_000 } as const;
      const joiner = new Joiner(history, (lost - 1) * FRAME_MS, options);
      let nowMs = lost * FRAME_MS + 400;
      const where = `${firstPauseMs} ms, ${secondPauseMs} ms`;
      for (let index = 25;; index++) {
        // 2.6 s of it are left when the first pause comes, and one frame passes before the second.
        if (index === 35) nowMs += firstPauseMs;
        if (index === 36) nowMs += secondPauseMs;
        const joined = joiner.offer(9, index * FRAME_MS, frameOf(index, loop), nowMs);
        if (joined === null) continue;
        assertEquals([joined.align !== null, index], [true, lost], where);
        break;
      }
    }
  }
});
