import { RateMeter } from "../../lib/demo/rate_meter.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("RateMeter.kbps is 0 before samples of two times", () => {
  const meter = new RateMeter();
  assertEquals(meter.kbps, 0);
  meter.sample(100, 5000);
  assertEquals(meter.kbps, 0);
  meter.sample(100, 6000);
  assertEquals(meter.kbps, 0);
});

Deno.test("RateMeter.kbps averages over two seconds", () => {
  const meter = new RateMeter();
  meter.sample(0, 0);
  meter.sample(1000, 100_000); // 800 kbit/s
  assertEquals(meter.kbps, 800);
  meter.sample(2000, 125_000); // 200 kbit/s
  assertEquals(meter.kbps, 500);
  meter.sample(3000, 150_000); // 200 kbit/s
  assertEquals(meter.kbps, 200);
  meter.sample(60_000, 150_000);
  assertEquals(meter.kbps, 0);
});
