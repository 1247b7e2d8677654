import { UpstreamError } from "../../lib/base/errors.ts";
import { DialGate, type DialPlace, type DialRequest } from "../../lib/upstream/dial_gate.ts";
import { assert, assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { requestFor } from "../helpers/edge_rig.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";

const ORIGIN = { hostname: "origin.example", port: 1935 };
const OTHER = { hostname: "other.example", port: 1935 };

/** A gate, and those who enter. */
class GateRig {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  readonly gate: DialGate;
  /** Names that have a place, in the order in which they got it. */
  readonly entered: string[] = [];
  readonly #places = new Map<string, DialPlace>();
  readonly #aborts = new Map<string, AbortController>();

  constructor(max: number) {
    this.gate = new DialGate({
      clock: this.clock,
      logger: this.log.logger,
      maxUpstreams: () => max,
    });
  }

  async enter(name: string, dial: Partial<DialRequest> = {}): Promise<void> {
    const abort = new AbortController();
    this.#aborts.set(name, abort);
    const whole = { address: ORIGIN, kind: "play" as const, request: requestFor(name), ...dial };
    this.gate.enter(whole, abort.signal).then((place) => {
      this.entered.push(name);
      this.#places.set(name, place);
    }, () => {});
    await this.clock.settle();
  }

  async confirm(name: string): Promise<void> {
    this.#places.get(name)!.confirm();
    await this.clock.settle();
  }

  async release(name: string): Promise<void> {
    this.#places.get(name)!.release();
    await this.clock.settle();
  }

  async leave(name: string): Promise<void> {
    this.#aborts.get(name)!.abort();
    await this.clock.settle();
  }

  /** Makes names known as live streams. */
  async makeKnown(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.enter(name);
      await this.confirm(name);
      await this.release(name);
    }
    this.entered.length = 0;
  }
}

Deno.test("DialGate gives a quarter of the places to names that were never live", async () => {
  const rig = new GateRig(8);
  for (const name of ["one", "two", "three"]) await rig.enter(name);
  assertEquals(rig.entered, ["one", "two"]);
  assertEquals([rig.gate.openCount, rig.gate.waitingCount], [2, 1]);
  assertEquals([rig.gate.isCrowded(ORIGIN), rig.gate.isCrowded(OTHER)], [true, false]);
  // A stream that turns out to be live makes room for the next name.
  await rig.confirm("one");
  assertEquals(rig.entered, ["one", "two", "three"]);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("DialGate gives a place that is free to streams that were live before new names", async () => {
  const rig = new GateRig(4);
  await rig.makeKnown("known");
  for (const name of ["push1", "push2", "push3", "push4"]) {
    await rig.enter(name, { kind: "publish" });
  }
  await rig.enter("new");
  await rig.enter("known");
  assertEquals(rig.entered.length, 4);
  await rig.release("push1");
  await rig.release("push2");
  assertEquals(rig.entered.slice(4), ["known", "new"]);
  await rig.enter("elsewhere", { address: OTHER });
  assertEquals(rig.entered.at(-1), "elsewhere");
});

Deno.test("DialGate forgets one that no longer waits", async () => {
  const rig = new GateRig(4);
  for (const name of ["one", "two", "three"]) await rig.enter(name);
  await rig.leave("two");
  await rig.release("one");
  assertEquals(rig.entered, ["one", "three"]);
  assertEquals([rig.gate.openCount, rig.gate.waitingCount, rig.clock.pendingCount], [1, 0, 0]);
});

Deno.test("DialGate lets 500 unknown names in at once, then 200 a second", async () => {
  const rig = new GateRig(1_000_000);
  for (let i = 0; i < 1_000; i++) await rig.enter(`name${i}`);
  assertEquals(rig.entered.length, 500);
  await rig.enter("push", { kind: "publish" });
  assertEquals(rig.entered.at(-1), "push");
  await rig.clock.advance(1_000);
  const { length } = rig.entered;
  assert(length >= 690 && length <= 702, `${length} have entered after a second`);
  for (let i = 0; i < 1_000; i++) await rig.leave(`name${i}`);
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("DialGate warns once a minute that streams wait, and names the setting", async () => {
  const rig = new GateRig(4);
  for (const name of ["one", "two", "three"]) await rig.enter(name);
  assertEquals(rig.log.urgent.length, 1);
  const [{ message, fields }] = rig.log.urgent as [typeof rig.log.urgent[0]];
  assertStringIncludes(message, "cluster.max_upstreams");
  assertEquals(fields, { origin: "origin.example:1935", open: 1, waiting: 1, max_upstreams: 4 });
});

/** The origin refuses `name` with `code`; returns when others may enter, in ms after that. */
async function waitAfter(code: string, refused: string, next: string): Promise<number> {
  const rig = new GateRig(4);
  const error = new UpstreamError("play", "refused", { statusCode: code });
  rig.gate.refused(ORIGIN, requestFor(refused), error);
  await rig.enter("elsewhere", { address: OTHER, request: requestFor(next) });
  assertEquals(rig.entered, ["elsewhere"]);
  await rig.enter(next);
  const sinceMs = rig.clock.now();
  while (rig.entered.length === 1) await rig.clock.advance(50);
  return rig.clock.now() - sinceMs;
}

Deno.test("DialGate remembers for a second what an origin refused", async () => {
  const [missing, denied] = ["NetStream.Play.StreamNotFound", "NetStream.Play.Failed"];
  assertEquals(await waitAfter(missing, "show?a", "show?b"), 1_000);
  assertEquals(await waitAfter(missing, "show", "other"), 0);
  assertEquals(await waitAfter(denied, "show?a", "show?a"), 1_000);
  // Another token may be a better one.
  assertEquals(await waitAfter(denied, "show?a", "show?b"), 0);
});

Deno.test("DialGate does not make a stream that was live wait after a refusal", async () => {
  const rig = new GateRig(4);
  await rig.makeKnown("show");
  const statusCode = "NetStream.Play.StreamNotFound";
  rig.gate.refused(ORIGIN, requestFor("show"), new UpstreamError("play", "no", { statusCode }));
  await rig.enter("show");
  assertEquals(rig.entered, ["show"]);
});
