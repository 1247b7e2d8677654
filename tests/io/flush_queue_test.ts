import { type Flushable, FlushQueue } from "../../lib/io/flush_queue.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";

/** Records its flushes in a shared list. */
class Item implements Flushable {
  isQueued = false;
  isIdle = false;
  readonly #name: string;
  readonly #turns: string[];
  onFlush: (nowMs: number) => void = () => {};

  constructor(name: string, turns: string[]) {
    this.#name = name;
    this.#turns = turns;
  }

  flush(nowMs: number): void {
    assert(!this.isQueued, "still queued in its own turn");
    this.#turns.push(this.#name);
    this.onFlush(nowMs);
  }
}

/** A clock whose yielded turns run one by one. */
class TurnClock extends FakeClock {
  readonly turns: (() => void)[] = [];

  override yield(run: () => void): void {
    this.turns.push(run);
  }

  /** Runs the turn that was requested. */
  async runTurn(): Promise<void> {
    assertEquals(this.turns.length, 1);
    this.turns.shift()!();
    await this.settle();
  }
}

function createItems(count: number): { items: Item[]; turns: string[] } {
  const turns: string[] = [];
  return { items: Array.from({ length: count }, (_, i) => new Item(`${i}`, turns)), turns };
}

Deno.test("FlushQueue.add() flushes after the caller's turn, once even if added repeatedly", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items: [item], turns } = createItems(1);
  queue.add(item!);
  queue.add(item!);
  assert(item!.isQueued);
  assertEquals(turns, []);
  await clock.settle();
  assertEquals(turns, ["0"]);
  assert(!item!.isQueued);
  assertEquals(clock.turns.length, 0);
});

Deno.test("FlushQueue.add() flushes an item again that is added after its flush", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items: [item], turns } = createItems(1);
  for (let i = 0; i < 3; i++) {
    queue.add(item!);
    await clock.settle();
  }
  assertEquals(turns.length, 3);
});

Deno.test("FlushQueue starts 64 writes in a turn, in order, and yields", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items, turns } = createItems(150);
  for (const item of items) queue.add(item);
  const counts: number[] = [];
  await clock.settle();
  counts.push(turns.length);
  while (clock.turns.length > 0) {
    await clock.runTurn();
    counts.push(turns.length);
  }
  assertEquals(counts, [64, 128, 150]);
  assertEquals(turns, items.map((_, index) => `${index}`));
  assertEquals(clock.turns.length, 0);
});

Deno.test("FlushQueue appends new items behind those that wait", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items, turns } = createItems(70);
  const [late, ...others] = items;
  for (const item of others) queue.add(item);
  await clock.settle();
  queue.add(late!);
  await clock.runTurn();
  assertEquals(turns.slice(64), ["65", "66", "67", "68", "69", "0"]);
});

Deno.test("FlushQueue flushes an item that adds itself again after a yield", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items: [busy, other], turns } = createItems(2);
  busy!.onFlush = () => queue.add(busy!);
  queue.add(busy!);
  queue.add(other!);
  await clock.settle();
  assertEquals(turns, ["0", "1"]);
  assertEquals(clock.turns.length, 1);
  await clock.runTurn();
  assertEquals(turns, ["0", "1", "0"]);
});

Deno.test("FlushQueue passes the time of the turn", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items: [item] } = createItems(1);
  const times: number[] = [];
  item!.onFlush = (nowMs) => times.push(nowMs);
  await clock.advance(1234);
  queue.add(item!);
  await clock.settle();
  assertEquals(times, [1234]);
});

Deno.test("FlushQueue.addDue() goes before a burst of others, which get a quarter of each turn", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items, turns } = createItems(400);
  for (const item of items.slice(0, 300)) queue.add(item);
  for (const item of items.slice(300)) queue.addDue(item);
  await clock.settle();
  assertEquals(turns.length, 64);
  assertEquals(turns.slice(0, 48), items.slice(300, 348).map((_, i) => `${300 + i}`));
  assertEquals(turns.slice(48), items.slice(0, 16).map((_, i) => `${i}`));
  while (clock.turns.length > 0) await clock.runTurn();
  assertEquals(turns.length, 400);
  assertEquals(new Set(turns).size, 400);
});

Deno.test("FlushQueue.addDue() gets the whole turn when nothing else waits", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items, turns } = createItems(70);
  for (const item of items) queue.addDue(item);
  await clock.settle();
  assertEquals(turns.length, 64);
  await clock.runTurn();
  assertEquals([turns.length, clock.turns.length], [70, 0]);
});

Deno.test("FlushQueue.addDue() leaves out idle players, so that few writes take one turn", async () => {
  const clock = new TurnClock();
  const queue = new FlushQueue(clock);
  const { items, turns } = createItems(300);
  for (const [index, item] of items.entries()) {
    item.isIdle = index % 10 !== 0;
    queue.addDue(item);
  }
  await clock.settle();
  assertEquals(turns.length, 30);
  assertEquals(clock.turns.length, 0);
  assertEquals(queue.flushCount, 300);
  items[1]!.isIdle = false;
  queue.addDue(items[1]!);
  await clock.settle();
  assertEquals(turns.at(-1), "1");
});
