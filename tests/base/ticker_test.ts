import { Ticker } from "../../lib/base/ticker.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

Deno.test("Ticker calls every check once per period with one timer", async () => {
  const clock = new FakeClock();
  const ticker = new Ticker(clock, 100);
  const seen: string[] = [];
  for (const name of ["a", "b"]) ticker.add((nowMs) => seen.push(`${name} ${nowMs}`));
  assertEquals(clock.pendingCount, 1);
  await clock.advance(250);
  assertEquals(seen, ["a 100", "b 100", "a 200", "b 200"]);
  assertEquals(clock.pendingCount, 1);
});

Deno.test("Ticker calls a check added later within one period", async () => {
  const clock = new FakeClock();
  const ticker = new Ticker(clock, 100);
  ticker.add(() => {});
  await clock.advance(70);
  const times: number[] = [];
  ticker.add((nowMs) => times.push(nowMs));
  await clock.advance(200);
  assertEquals(times, [100, 200]);
});

Deno.test("Ticker stops calling a cancelled check and keeps calling the others", async () => {
  const clock = new FakeClock();
  const ticker = new Ticker(clock, 100);
  const counts = { a: 0, b: 0 };
  const cancel = ticker.add(() => counts.a++);
  ticker.add(() => counts.b++);
  await clock.advance(100);
  cancel();
  cancel();
  await clock.advance(100);
  assertEquals(counts, { a: 1, b: 2 });
});

Deno.test("Ticker has no timer without checks and restarts with the next one", async () => {
  const clock = new FakeClock();
  const ticker = new Ticker(clock, 100);
  ticker.add(() => {})();
  assertEquals(clock.pendingCount, 0);
  await clock.advance(70);
  const times: number[] = [];
  ticker.add((nowMs) => times.push(nowMs));
  await clock.advance(100);
  assertEquals(times, [170]);
});

Deno.test("Ticker lets a check cancel itself and others during a tick", async () => {
  const clock = new FakeClock();
  const ticker = new Ticker(clock, 100);
  const seen: string[] = [];
  const cancels = ["a", "b", "c"].map((name) =>
    ticker.add(() => {
      seen.push(name);
      for (const cancel of cancels) cancel();
    })
  );
  await clock.advance(300);
  assertEquals(seen, ["a"]);
  assertEquals(clock.pendingCount, 0);
});

Deno.test("Ticker calls checks after all reads, with the time until which all was read", async () => {
  const clock = new FakeClock();
  clock.readDelayMs = 250;
  const ticker = new Ticker(clock, 100);
  const seen: string[] = [];
  const cancel = ticker.add((readUntilMs) => seen.push(`${readUntilMs} at ${clock.now()}`));
  await clock.advance(700);
  assertEquals(seen, ["100 at 350", "450 at 700"]);
  await clock.advance(150);
  cancel();
  await clock.advance(1_000);
  assertEquals([seen.length, clock.pendingCount], [2, 0], "during the reads");
});
