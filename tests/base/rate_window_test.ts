import { RATE_SAMPLE_MS, RateWindow } from "../../lib/base/rate_window.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("RateWindow.kbps is 0 before the second sample", () => {
  const rate = new RateWindow();
  assertEquals(rate.kbps, { recvKbps: 0, sendKbps: 0 });
  rate.sample(0, 1_000_000, 1_000_000);
  assertEquals(rate.kbps, { recvKbps: 0, sendKbps: 0 });
});

Deno.test("RateWindow.kbps averages between the first and the last sample", () => {
  const rate = new RateWindow();
  rate.sample(1_000, 500, 500);
  rate.sample(3_000, 250_500, 1_000_500);
  // 250,000 bytes in 2 s are 1,000 kbit/s.
  assertEquals(rate.kbps, { recvKbps: 1_000, sendKbps: 4_000 });
});

Deno.test("RateWindow.kbps ignores samples older than 30 s", () => {
  const rate = new RateWindow();
  let bytes = 0;
  for (let sample = 0; sample <= 20; sample++) {
    // Silent from the tenth sample on.
    if (sample < 10) bytes += 375_000;
    rate.sample(sample * RATE_SAMPLE_MS, bytes, 0);
    if (sample === 9) assertEquals(rate.kbps.recvKbps, 1_000);
    if (sample === 14) assertEquals(rate.kbps.recvKbps, 500);
  }
  assertEquals(rate.kbps, { recvKbps: 0, sendKbps: 0 });
});

Deno.test("RateWindow.kbps is never negative where an object of the same name counts from 0", () => {
  const rate = new RateWindow();
  rate.sample(0, 1_000_000, 5_000_000);
  rate.sample(3_000, 1_375_000, 5_000_000);
  // The stream ended and began again: how much it got in its first seconds is not known.
  rate.sample(6_000, 10_000, 0);
  rate.sample(9_000, 385_000, 375_000);
  // 750,000 and 375,000 bytes in 9 s.
  assertEquals(rate.kbps, { recvKbps: 667, sendKbps: 333 });
});
