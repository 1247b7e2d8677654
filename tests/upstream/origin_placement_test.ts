import type { DiscoveredOrigin } from "../../lib/config/origin_address.ts";
import { OriginPlacement } from "../../lib/upstream/origin_placement.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const GROUP = "dns:origins.example:1935";

function origin(last: number, weight = 1, tier = 0): DiscoveredOrigin {
  return { hostname: `10.0.0.${last}`, port: 1935, group: GROUP, weight, tier };
}

const [A, B, C] = [origin(1), origin(2), origin(3)];

const NAMES = Array.from({ length: 300 }, (_, index) => `live/show${index}`);

/** A placement with {@linkcode NAMES}. */
function placementOf(...origins: DiscoveredOrigin[]): OriginPlacement {
  const placement = new OriginPlacement("v");
  placement.update(origins);
  for (const name of NAMES) placement.enter(name);
  return placement;
}

/** Returns the number of streams on each address. */
function loads(placement: OriginPlacement, names = NAMES): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) {
    const { hostname } = placement.orderFor(name)[0]!;
    counts[hostname] = (counts[hostname] ?? 0) + 1;
  }
  return counts;
}

function places(placement: OriginPlacement): readonly string[] {
  return NAMES.map((name) => placement.orderFor(name)[0]!.hostname);
}

/** Checks that the streams reported as moved are those that have moved. Returns how many. */
function update(placement: OriginPlacement, ...origins: DiscoveredOrigin[]): number {
  const before = places(placement);
  const moved = placement.update(origins);
  const after = places(placement);
  assertEquals(moved, NAMES.filter((_, index) => before[index] !== after[index]));
  return moved.length;
}

Deno.test("OriginPlacement: 1, 3, 2 addresses move only the share that must", () => {
  const placement = placementOf(A);
  assertEquals(loads(placement), { "10.0.0.1": 300 });

  const toThree = update(placement, A, B, C);
  const three = loads(placement);
  // All that left the first went to the new ones, and it kept about a third.
  assertEquals(toThree, 300 - three["10.0.0.1"]!);
  for (const load of Object.values(three)) assert(load <= 125, `${load} of 300 on one of three`);

  const before = places(placement);
  const toTwo = update(placement, A, C);
  const two = loads(placement);
  assertEquals(toTwo, three["10.0.0.2"]);
  assertEquals(
    places(placement).filter((place, index) => place !== before[index]).length,
    toTwo,
  );
  for (const load of Object.values(two)) assert(load <= 188, `${load} of 300 on one of two`);
});

Deno.test("OriginPlacement: the same addresses in another order move nothing", () => {
  const placement = placementOf(A, B, C);
  assertEquals(update(placement, C, A, B), 0);
});

Deno.test("OriginPlacement: an address that is away and returns gets nearly the same streams", () => {
  const placement = placementOf(A, B, C);
  const before = places(placement);
  update(placement, A, C);
  update(placement, A, B, C);
  const strays = places(placement).filter((place, index) => place !== before[index]);
  // Those that a bound had sent elsewhere when there were few streams.
  assert(strays.length <= 6, `${strays.length} of 300 are elsewhere`);
});

Deno.test("OriginPlacement: no order of starts exceeds the bound", () => {
  const many = Array.from({ length: 16 }, (_, index) => origin(index + 1));
  const placement = new OriginPlacement("v");
  placement.update(many);
  for (const [index, name] of NAMES.entries()) {
    placement.enter(name);
    const present = NAMES.slice(0, index + 1);
    const bound = Math.max(16, Math.ceil(1.25 * present.length / 16));
    if (index % 20 !== 0) continue;
    const most = Math.max(...Object.values(loads(placement, present)));
    assert(most <= bound, `${most} of ${present.length}, bound ${bound}`);
  }
});

Deno.test("OriginPlacement: a full address passes streams on to the next", () => {
  const placement = new OriginPlacement("v");
  placement.update([A, B]);
  const first = NAMES.filter((name) => placement.orderFor(name)[0] === A);
  for (const name of first) placement.enter(name);
  const counts = loads(placement, first);
  assertEquals(counts["10.0.0.1"], Math.ceil(1.25 * first.length / 2));
  for (const name of first.slice(0, -5)) placement.leave(name);
  // Few streams need no balance.
  placement.leave(first.at(-5)!);
  placement.enter(first.at(-5)!);
  assertEquals(placement.orderFor(first.at(-5)!)[0], A);
});

Deno.test("OriginPlacement: edges with few streams agree, in any order of starts", () => {
  const [one, other] = [new OriginPlacement("v"), new OriginPlacement("v")];
  const names = NAMES.slice(0, 16);
  for (const placement of [one, other]) placement.update([A, B, C]);
  for (const name of names) one.enter(name);
  for (const name of names.toReversed()) other.enter(name);
  assertEquals(
    names.map((name) => one.orderFor(name).map(({ hostname }) => hostname)),
    names.map((name) => other.orderFor(name).map(({ hostname }) => hostname)),
  );
});

Deno.test("OriginPlacement: weights divide the streams", () => {
  const counts = loads(placementOf(origin(1, 3), origin(2, 1)));
  assert(counts["10.0.0.1"]! > 195 && counts["10.0.0.1"]! < 255, JSON.stringify(counts));
  assert(counts["10.0.0.2"]! <= Math.ceil(1.25 * 75), JSON.stringify(counts));
});

Deno.test("OriginPlacement: higher tiers follow and get no streams", () => {
  const reserve = origin(9, 100, 1);
  const placement = placementOf(A, reserve, B);
  for (const name of NAMES) assertEquals(placement.orderFor(name)[2], reserve);
});

Deno.test("OriginPlacement: streams that begin before there is an address get one with it", () => {
  const placement = placementOf();
  assertEquals(placement.orderFor("live/show1"), []);
  assertEquals(placement.update([A]).length, 300);
});

Deno.test("OriginPlacement: a stream counts until its last user leaves", () => {
  const placement = new OriginPlacement("v");
  placement.update([A, B]);
  const only = NAMES.filter((name) => placement.orderFor(name)[0] === A).slice(0, 17);
  for (const name of only) placement.enter(name);
  // Sixteen are free, the next one exceeds the bound.
  assertEquals(loads(placement, only), { "10.0.0.1": 16, "10.0.0.2": 1 });
  placement.enter(only[0]!);
  placement.leave(only[0]!);
  placement.leave(only[1]!);
  placement.leave(only[16]!);
  placement.enter(only[16]!);
  assertEquals(loads(placement, [only[0]!, ...only.slice(2)]), { "10.0.0.1": 16 });
});
