import { AwakeClock } from "../../lib/io/awake_clock.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** A program that notes when its timers run, by its clock. */
class Rig {
  readonly machine = new FakeClock();
  readonly clock = new AwakeClock(this.machine);
  readonly ran: string[] = [];

  after(delayMs: number): () => void {
    return this.clock.after(delayMs, () => this.ran.push(`${delayMs} at ${this.clock.now()}`));
  }

  /** The process is stopped and continued. */
  pause(ms: number): void {
    this.machine.skip(ms);
  }
}

Deno.test("AwakeClock goes as the machine's clock does while nothing stalls", async () => {
  const rig = new Rig();
  for (const delayMs of [100, 1_000, 5_000]) rig.after(delayMs);
  await rig.machine.advance(5_000);
  assertEquals(rig.ran, ["100 at 100", "1000 at 1000", "5000 at 5000"]);
});

Deno.test("AwakeClock does not count a pause of the process, for short and long timers", async () => {
  const rig = new Rig();
  for (const delayMs of [100, 1_000, 20_000]) rig.after(delayMs);
  await rig.machine.advance(50);
  rig.pause(12_000);
  await rig.machine.advance(0);
  assertEquals([rig.clock.now(), rig.ran], [100, ["100 at 100"]]);
  await rig.machine.advance(900);
  assertEquals(rig.ran, ["100 at 100", "1000 at 1000"]);
  await rig.machine.advance(19_000);
  assertEquals(rig.ran.slice(2), ["20000 at 20000"]);
  assertEquals(rig.machine.pendingCount, 0);
});

Deno.test("AwakeClock runs a late timer after the reads that were waiting", async () => {
  const rig = new Rig();
  let isRead = false;
  const seen: boolean[] = [];
  for (const delayMs of [100, 100]) rig.clock.after(delayMs, () => seen.push(isRead));
  rig.pause(3_000);
  // A read that the machine completes in its next round.
  rig.machine.yield(() => isRead = true);
  await rig.machine.advance(0);
  assertEquals(seen, [true, true]);
});

Deno.test("AwakeClock counts a turn of 249 ms, which is work, and not one of 250", async () => {
  for (const [busyMs, passedMs] of [[249, 349], [250, 100]] as const) {
    const rig = new Rig();
    rig.after(100);
    await rig.machine.advance(99);
    rig.pause(busyMs + 1);
    await rig.machine.advance(0);
    assertEquals(rig.clock.now(), passedMs);
  }
});

Deno.test("AwakeClock runs no timer that is cancelled, even between a stall and its round of reads", async () => {
  const rig = new Rig();
  const cancel = rig.after(100);
  const cancelLate = rig.after(200);
  cancel();
  rig.pause(1_000);
  rig.machine.yield(cancelLate);
  await rig.machine.advance(10_000);
  assertEquals([rig.ran, rig.machine.pendingCount], [[], 0]);
});

Deno.test("AwakeClock does not leap after a pause, even if no timer has noticed it", async () => {
  const rig = new Rig();
  rig.after(60_000);
  await rig.machine.advance(5_050);
  rig.pause(12_000);
  // As a read does that comes before all timers.
  assertEquals(rig.clock.now(), 5_100);
  await rig.machine.advance(0);
  assertEquals(rig.clock.now(), 5_100);
});

Deno.test("AwakeClock runs a timer in time that is set after a pause, before others notice it", async () => {
  const rig = new Rig();
  rig.after(60_000);
  await rig.machine.advance(5_050);
  rig.pause(12_000);
  rig.after(10);
  await rig.machine.advance(10);
  assertEquals(rig.ran, ["10 at 5110"]);
});
