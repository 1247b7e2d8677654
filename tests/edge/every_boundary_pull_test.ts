/**
 * The origin of a pull breaks or falls silent at, before and after every end of a message: players
 * get the stream without a gap, a duplicate or a step back in time, from the next origin or, when
 * it was merely silent, from the same one.
 */

import { everyBoundary, FRAME_COUNT, framesWithin, PullBreak } from "../helpers/pull_break.ts";

for (
  const [where, aheadFrames] of [
    ["one frame behind", -1],
    ["three frames behind", -3],
    ["half a GOP ahead", 4],
  ] as const
) {
  Deno.test(`a puller continues without a gap or a duplicate when the next origin is ${where}`, async () => {
    for (const count of everyBoundary(101)) {
      const rig = new PullBreak(count, "breaks");
      await rig.start();
      rig.check(await rig.takeOver(aheadFrames));
    }
  });
}

Deno.test("a puller continues without a gap or a duplicate after any byte at which the origin freezes", async () => {
  // The next origin has at least two frames to send; another test covers fewer.
  const counts = everyBoundary(37).filter((count) => framesWithin(count) <= FRAME_COUNT - 2);
  for (const count of counts) {
    const rig = new PullBreak(count, "freezes");
    await rig.start();
    rig.check(await rig.takeOver(0));
  }
});

Deno.test("a puller continues without a gap or a duplicate when the silent origin wakes while the next is tried", async () => {
  const counts = everyBoundary(37).filter((count) => framesWithin(count) > 0);
  for (const count of counts.filter((count) => framesWithin(count) < FRAME_COUNT)) {
    const rig = new PullBreak(count, "freezes");
    await rig.start();
    await rig.recover();
    rig.check(0, "a");
  }
});

Deno.test("a puller ignores what a silent origin sends when it wakes too late", async () => {
  const counts = everyBoundary(37).filter((count) => framesWithin(count) <= FRAME_COUNT - 2);
  for (const count of counts.filter((count) => framesWithin(count) > 0)) {
    const rig = new PullBreak(count, "freezes");
    await rig.start();
    rig.check(await rig.takeOver(0, () => rig.thaw()));
  }
});
