import { SilenceMeter } from "../../lib/demo/silence_meter.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("SilenceMeter returns the longest silence since the last call, the present one included", () => {
  const meter = new SilenceMeter();
  assertEquals(meter.take(500), 0, "nothing has arrived");
  for (const nowMs of [1_000, 1_040, 1_140, 1_180]) meter.note(nowMs);
  assertEquals(meter.take(1_200), 100);
  assertEquals(meter.take(1_250), 70);
  meter.note(1_260);
  assertEquals(meter.take(1_261), 80);
});
