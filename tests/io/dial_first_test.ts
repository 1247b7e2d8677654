import { dialFirst } from "../../lib/io/dial_first.ts";
import type { NetAddress, Transport } from "../../lib/io/transport.ts";
import { assert, assertEquals, assertRejects } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { ScriptedTransport } from "../helpers/scripted_transport.ts";

/** Addresses `1`, `2` and `3`, whose answers the test controls. */
class Rig {
  readonly clock = new FakeClock();
  readonly controller = new AbortController();
  readonly dialled: string[] = [];
  readonly aborted: string[] = [];
  readonly answers = new Map<string, PromiseWithResolvers<Transport>>();
  readonly outcome: Promise<Transport>;

  constructor(count = 3) {
    const addresses = ["1", "2", "3"].slice(0, count).map((hostname) => ({ hostname, port: 1935 }));
    this.outcome = dialFirst(addresses, {
      dial: (address, signal) => this.#dial(address, signal),
      clock: this.clock,
      signal: this.controller.signal,
    });
    this.outcome.catch(() => {});
  }

  async refuse(hostname: string): Promise<void> {
    this.answers.get(hostname)!.reject(new Error(`${hostname} refused`));
    await this.clock.settle();
  }

  async accept(hostname: string): Promise<ScriptedTransport> {
    const transport = new ScriptedTransport();
    this.answers.get(hostname)!.resolve(transport);
    await this.clock.settle();
    return transport;
  }

  #dial({ hostname }: NetAddress, signal: AbortSignal): Promise<Transport> {
    const answer = Promise.withResolvers<Transport>();
    this.dialled.push(hostname);
    this.answers.set(hostname, answer);
    signal.addEventListener("abort", () => {
      this.aborted.push(hostname);
      answer.reject(signal.reason);
    });
    return answer.promise;
  }
}

Deno.test("dialFirst() takes the first address if it answers, and dials no other", async () => {
  const rig = new Rig();
  const transport = await rig.accept("1");
  assert(await rig.outcome === transport);
  await rig.clock.advance(1_000);
  assertEquals(rig.dialled, ["1"]);
});

Deno.test("dialFirst() dials the next address at once when one refuses", async () => {
  const rig = new Rig();
  await rig.refuse("1");
  assertEquals(rig.dialled, ["1", "2"]);
  const transport = await rig.accept("2");
  assert(await rig.outcome === transport);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("dialFirst() dials the next address as well when one is silent for 250 ms", async () => {
  const rig = new Rig();
  await rig.clock.advance(249);
  assertEquals(rig.dialled, ["1"]);
  await rig.clock.advance(1);
  assertEquals(rig.dialled, ["1", "2"]);
  const transport = await rig.accept("2");
  assert(await rig.outcome === transport);
  assertEquals([rig.aborted.includes("1"), rig.clock.pendingCount], [true, 0]);
});

Deno.test("dialFirst() still takes an address that answers late", async () => {
  const rig = new Rig();
  await rig.clock.advance(600);
  assertEquals(rig.dialled, ["1", "2", "3"]);
  await rig.refuse("2");
  await rig.refuse("3");
  const transport = await rig.accept("1");
  assert(await rig.outcome === transport);
});

Deno.test("dialFirst() closes a connection that opens after another was taken", async () => {
  const rig = new Rig(2);
  await rig.clock.advance(250);
  const [first, second] = [new ScriptedTransport(), new ScriptedTransport()];
  const closed: Transport[] = [];
  for (const each of [first, second]) each.close = () => closed.push(each);
  rig.answers.get("1")!.resolve(first);
  rig.answers.get("2")!.resolve(second);
  assert(await rig.outcome === first);
  await rig.clock.settle();
  assert(closed.length === 1 && closed[0] === second);
});

Deno.test("dialFirst() fails with the last error when every address refuses", async () => {
  const rig = new Rig(2);
  await rig.refuse("1");
  await rig.refuse("2");
  const error = await assertRejects(() => rig.outcome, Error);
  assertEquals(error.message, "2 refused");
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("dialFirst() aborts all attempts when it is aborted", async () => {
  const rig = new Rig();
  await rig.clock.advance(250);
  rig.controller.abort(new Error("enough"));
  await rig.clock.settle();
  const error = await assertRejects(() => rig.outcome, Error);
  assertEquals([error.message, rig.dialled.length], ["enough", 2]);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("dialFirst() fails when it was aborted before, and dials nothing", async () => {
  const signal = AbortSignal.abort(new Error("withdrawn"));
  const dial = () => Promise.reject(new Error("dialled"));
  const address = { hostname: "1", port: 1935 };
  const outcome = dialFirst([address], { dial, clock: new FakeClock(), signal });
  await assertRejects(() => outcome, Error, "withdrawn");
});
