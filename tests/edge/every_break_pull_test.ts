/**
 * The origin of a pull breaks after every single byte that it sends: players get the stream without
 * a gap, a duplicate or a step back in time.
 */

import { assertEquals } from "../helpers/assert.ts";
import { everyByte, framesWithin, PullBreak } from "../helpers/pull_break.ts";

Deno.test("a puller continues without a gap or a duplicate after any last byte of the origin", async () => {
  for (const count of everyByte()) {
    const rig = new PullBreak(count, "breaks");
    await rig.start();
    assertEquals(rig.frames.length, framesWithin(count), `frames within ${count} bytes`);
    rig.check(await rig.takeOver(0));
  }
});
