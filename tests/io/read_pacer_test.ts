import { DEFAULT_VHOST, type MergedReads } from "../../lib/config/config.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { mergedReadsOf, ReadPacer } from "../../lib/io/read_pacer.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

const VHOST = defaultConfig().vhosts.get(DEFAULT_VHOST)!;

const AUTO: MergedReads = { mode: "auto", maxMs: 350 };

class Rig {
  readonly clock = new FakeClock();
  readonly turns = { busyMs: 0 };
  readonly pacer = new ReadPacer(this.clock, this.turns, { busyMs: 0 });

  /** Reads once; `pauseMs` is how long the next read has to wait. */
  async pauseMs(reads: MergedReads): Promise<number> {
    const pause = this.pacer.pause(reads, this.clock.now());
    if (pause === null) return 0;
    const sinceMs = this.clock.now();
    let isOver = false;
    void pause.then(() => isOver = true);
    while (!isOver) await this.clock.advance(1);
    return this.clock.now() - sinceMs;
  }

  /** Half a second passes in which the event loop has this load. */
  async load(share: number): Promise<void> {
    this.turns.busyMs += 500 * share;
    await this.clock.advance(500);
    this.pacer.pause({ mode: "off", maxMs: 0 }, this.clock.now());
  }
}

Deno.test("ReadPacer does not pause reads while the event loop is less than half busy", async () => {
  const rig = new Rig();
  for (let i = 0; i < 10; i++) {
    await rig.load(0.45);
    assertEquals(await rig.pauseMs(AUTO), 0);
  }
});

Deno.test("ReadPacer pauses up to 36 ms while the event loop is more than half busy", async () => {
  const rig = new Rig();
  const pauses: number[] = [];
  for (let i = 0; i < 6; i++) {
    await rig.load(0.6);
    pauses.push(await rig.pauseMs(AUTO));
  }
  assertEquals(pauses, [5, 10, 20, 36, 36, 36]);
});

Deno.test("ReadPacer keeps its pause while the load stays between 30 and 50 %", async () => {
  const rig = new Rig();
  for (let i = 0; i < 3; i++) await rig.load(0.6);
  for (let i = 0; i < 5; i++) await rig.load(0.4);
  assertEquals(await rig.pauseMs(AUTO), 20);
});

Deno.test("ReadPacer pauses no longer when the load has gone", async () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) await rig.load(0.9);
  for (let i = 0; i < 4; i++) await rig.load(0.1);
  assertEquals(await rig.pauseMs(AUTO), 0);
});

Deno.test("ReadPacer always pauses with mr on, and never with mr off", async () => {
  const rig = new Rig();
  assertEquals(await rig.pauseMs({ mode: "on", maxMs: 350 }), 350);
  for (let i = 0; i < 5; i++) await rig.load(0.9);
  assertEquals(await rig.pauseMs({ mode: "off", maxMs: 350 }), 0);
});

Deno.test("ReadPacer keeps to mr_latency with mr auto", async () => {
  const rig = new Rig();
  for (let i = 0; i < 5; i++) await rig.load(0.9);
  assertEquals(await rig.pauseMs({ mode: "auto", maxMs: 12 }), 12);
});

Deno.test("ReadPacer resumes a short pause in time that began after long ones", async () => {
  const rig = new Rig();
  void rig.pacer.pause({ mode: "on", maxMs: 350 }, rig.clock.now());
  assertEquals(await rig.pauseMs({ mode: "on", maxMs: 20 }), 20);
});

Deno.test("ReadPacer resumes at most 64 peers at a time", async () => {
  const rig = new Rig();
  let resumed = 0;
  for (let i = 0; i < 100; i++) {
    void rig.pacer.pause({ mode: "on", maxMs: 40 }, rig.clock.now())!.then(() => resumed++);
  }
  const turns: number[] = [];
  rig.clock.after(40, () => {
    const note = () => {
      turns.push(resumed);
      if (turns.length < 3) rig.clock.yield(note);
    };
    note();
  });
  await rig.clock.advance(40);
  assertEquals(resumed, 100);
  assert(turns.includes(64), `resumed ${turns}`);
});

Deno.test("ReadPacer ends pauses together that begin within 2 ms, and counts each", async () => {
  const rig = new Rig();
  const reads: MergedReads = { mode: "on", maxMs: 20 };
  const first = rig.pacer.pause(reads, rig.clock.now());
  await rig.clock.advance(1);
  assert(rig.pacer.pause(reads, rig.clock.now()) === first, "shares the first one's slot");
  await rig.clock.advance(1);
  assert(rig.pacer.pause(reads, rig.clock.now()) !== first, "later than the slot");
  const short = rig.pacer.pause({ mode: "on", maxMs: 18 }, rig.clock.now() - 1);
  assert(short !== first, "a shorter pause that ends with the slot");
  await rig.clock.advance(20);
  const { counts, sumSeconds } = rig.pacer.delays;
  assertEquals(counts.reduce((sum, count) => sum + count, 0), 4);
  assertEquals(Math.round(sumSeconds * 1000), 20 + 20 + 20 + 18);
});

Deno.test("ReadPacer catches up at once after the event loop was busy", async () => {
  const rig = new Rig();
  let resumed = 0;
  for (let i = 0; i < 50; i++) {
    void rig.pacer.pause({ mode: "on", maxMs: 400 }, rig.clock.now())!.then(() => resumed++);
    await rig.clock.advance(5);
  }
  await rig.clock.advance(100);
  // The loop is late: when the first pause is over, so are all others.
  const nowMs = rig.clock.now() + 1_000;
  rig.clock.now = () => nowMs;
  const yields: (() => void)[] = [];
  rig.clock.yield = (run) => yields.push(run);
  await rig.clock.advance(100);
  assertEquals([resumed, yields.length], [50, 0]);
});

Deno.test("ReadPacer counts by how much it delays reads, and 0 for those that it does not", async () => {
  const rig = new Rig();
  const { delays } = rig.pacer;
  for (let i = 0; i < 3; i++) await rig.pauseMs(AUTO);
  assertEquals([delays.counts[0], delays.sumSeconds], [3, 0]);
  await rig.pauseMs({ mode: "on", maxMs: 43 });
  // Above 40 ms, up to 45.
  assertEquals(delays.counts, [3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  assertEquals(delays.sumSeconds, 0.043);
});

Deno.test("mergedReadsOf() never merges reads of a vhost with min_latency", () => {
  const publish = { ...VHOST.publish, mergedReads: { mode: "on", maxMs: 350 } as const };
  assertEquals(mergedReadsOf({ ...VHOST, publish }).mode, "on");
  assertEquals(mergedReadsOf({ ...VHOST, publish, minLatency: true }).mode, "off");
});

Deno.test("ReadPacer lets peers with more than a buffer of bytes take turns when they are many", async () => {
  const rig = new Rig();
  const reads: string[] = [];
  const PEERS = 200;
  /** Has more to read than it is ever given the time for. */
  const read = async (peer: number): Promise<void> => {
    for (let round = 0; round < 3; round++) {
      reads.push(`${round}`);
      const later = rig.pacer.pause({ mode: "off", maxMs: 0 }, rig.clock.now(), true);
      if (later !== null) await later;
      assert(peer < PEERS);
    }
  };
  const done = Promise.all(Array.from({ length: PEERS }, (_, peer) => read(peer)));
  await rig.clock.advance(0);
  await done;
  const firstSecond = reads.indexOf("1");
  assertEquals(reads.filter((round) => round === "0").length, PEERS);
  // The first ones read at once; all others after everyone has read once.
  assert(reads.slice(64 * 3).lastIndexOf("0") < reads.slice(64 * 3).indexOf("1"), `${firstSecond}`);
});
