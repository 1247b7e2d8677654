/**
 * The origin that a stream is pulled from breaks or falls silent at, before and behind every end of a
 * message: players get the stream without a gap, a double or a step back in time, from the next origin or,
 * when it was merely silent, from the same one.
 */

import { everyBoundary, FRAME_COUNT, framesWithin, PullBreak } from "../helpers/pull_break.ts";

for (
  const [where, aheadFrames] of [
    ["one frame behind", -1],
    ["three frames behind", -3],
    ["half a GOP ahead", 4],
  ] as const
) {
  Deno.test(`a puller goes on without a gap or a double when the next origin is ${where}`, async () => {
    for (const count of everyBoundary(101)) {
      const rig = new PullBreak(count, "breaks");
      await rig.start();
      rig.check(await rig.goOn(aheadFrames));
    }
  });
}

Deno.test("a puller goes on without a gap or a double after whichever byte the origin freezes", async () => {
  // The next origin has two frames to send at least: what happens without is another test's.
  const counts = everyBoundary(37).filter((count) => framesWithin(count) <= FRAME_COUNT - 2);
  for (const count of counts) {
    const rig = new PullBreak(count, "freezes");
    await rig.start();
    rig.check(await rig.goOn(0));
  }
});

Deno.test("a puller goes on without a gap or a double when the silent origin wakes while the next is tried", async () => {
  const counts = everyBoundary(37).filter((count) => framesWithin(count) > 0);
  for (const count of counts.filter((count) => framesWithin(count) < FRAME_COUNT)) {
    const rig = new PullBreak(count, "freezes");
    await rig.start();
    await rig.recover();
    rig.check(0, "a");
  }
});

Deno.test("a puller passes over what a silent origin sends that wakes too late", async () => {
  const counts = everyBoundary(37).filter((count) => framesWithin(count) <= FRAME_COUNT - 2);
  for (const count of counts.filter((count) => framesWithin(count) > 0)) {
    const rig = new PullBreak(count, "freezes");
    await rig.start();
    rig.check(await rig.goOn(0, () => rig.thaw()));
  }
});
