// deno-lint-ignore-file camelcase -- the names are those of the API
import { RateHistory, StreamHistories } from "../../lib/http/console/rates.js";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("RateHistory computes kbit/s for each interval", () => {
  const history = new RateHistory();
  history.add(1_000, 5_000, 0);
  history.add(3_000, 5_000 + 250_000, 1_000_000);
  history.add(7_000, 5_000 + 250_000, 1_500_000);
  assertEquals(history.times, [1_000, 3_000, 7_000]);
  // 250,000 bytes in 2 s; 1,000,000 bytes in 2 s, 500,000 bytes in 4 s.
  assertEquals(history.received, [null, 1_000, 0]);
  assertEquals(history.sent, [null, 4_000, 1_000]);
  assertEquals(history.latest, { received: 0, sent: 1_000 });
});

Deno.test("RateHistory has no rate before the second sample", () => {
  const history = new RateHistory();
  assertEquals(history.latest, { received: null, sent: null });
  history.add(1_000, 5_000, 0);
  assertEquals(history.latest, { received: null, sent: null });
});

Deno.test("RateHistory has a gap where the server restarted", () => {
  const history = new RateHistory();
  for (const [ms, bytes] of [[0, 0], [2_000, 9_000], [4_000, 10], [6_000, 260]] as const) {
    history.add(ms, bytes, bytes);
  }
  assertEquals(history.received, [null, 36, null, 1]);
});

Deno.test("RateHistory has a gap where the page was hidden", () => {
  const history = new RateHistory();
  for (const [ms, bytes] of [[0, 0], [2_000, 250], [62_000, 500], [64_000, 750]] as const) {
    history.add(ms, bytes, bytes);
  }
  assertEquals(history.sent, [null, 1, null, 1]);
});

Deno.test("RateHistory ignores a second sample with the same time", () => {
  const history = new RateHistory();
  for (const ms of [0, 2_000, 2_000]) history.add(ms, ms, ms);
  assertEquals(history.times, [0, 2_000]);
});

Deno.test("RateHistory restarts when the server's clock is set back", () => {
  const history = new RateHistory();
  for (const ms of [10_000, 12_000, 1_000, 3_000, 5_000]) history.add(ms, 0, 0);
  assertEquals(history.times, [3_000, 5_000]);
});

Deno.test("RateHistory keeps ten minutes", () => {
  const history = new RateHistory();
  for (let ms = 0; ms <= 1_200_000; ms += 2_000) history.add(ms, ms, ms);
  assertEquals([history.times[0], history.times.length], [600_000, 301]);
  assertEquals([history.received.length, history.sent.length], [301, 301]);
});

Deno.test("RateHistory makes no rate of two samples in half a second", () => {
  const history = new RateHistory();
  for (const ms of [0, 2_000, 2_400, 4_000]) history.add(ms, ms, ms);
  assertEquals(history.times, [0, 2_000, 4_000]);
});

Deno.test("RateHistory keeps viewers and lag, null where they are unknown", () => {
  const history = new RateHistory();
  history.add(0, 0, 0, { viewers: 3, lag: 40 });
  history.add(2_000, 0, 0);
  assertEquals([history.viewers, history.lag], [[3, null], [40, null]]);
});

Deno.test("StreamHistories forget streams that were not seen for ten minutes", () => {
  const histories = new StreamHistories();
  const audience = { players: 1, lag_ms: 2 };
  const stream = { recv_bytes: 0, send_bytes: 0, audience };
  histories.add({ ...stream, id: "old", live_ms: 1_000 });
  histories.add({ ...stream, id: "new", live_ms: 500_000 });
  histories.prune(700_000);
  assertEquals(["old", "new"].map((id) => histories.of(id).times.length), [0, 1]);
});
