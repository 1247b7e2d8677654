/**
 * The origin that a stream is pulled from breaks after every single byte that it sends: players get the
 * stream without a gap, a double or a step back in time.
 */

import { assertEquals } from "../helpers/assert.ts";
import { everyByte, framesWithin, PullBreak } from "../helpers/pull_break.ts";

Deno.test("a puller goes on without a gap or a double whichever byte is the origin's last", async () => {
  for (const count of everyByte()) {
    const rig = new PullBreak(count, "breaks");
    await rig.start();
    assertEquals(rig.frames.length, framesWithin(count), `frames within ${count} bytes`);
    rig.check(await rig.goOn(0));
  }
});
