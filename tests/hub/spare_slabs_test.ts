import { SpareSlabs } from "../../lib/hub/spare_slabs.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const KIB = 1024;

Deno.test("SpareSlabs.take() returns a slab of that size that was given", () => {
  const spares = new SpareSlabs();
  const slab = new Uint8Array(64 * KIB);
  spares.give(slab);
  assert(spares.take(32 * KIB) !== slab);
  assert(spares.take(64 * KIB) === slab);
  assert(spares.take(64 * KIB) !== slab, "the same slab twice");
});

Deno.test("SpareSlabs.give() keeps no slab that was made for one message", () => {
  const spares = new SpareSlabs();
  const slab = new Uint8Array(100_000);
  spares.give(slab);
  assert(spares.take(100_000) !== slab);
});

Deno.test("SpareSlabs.give() keeps at most 16 MiB, of the size that is used now", () => {
  const spares = new SpareSlabs();
  const small = new Set(Array.from({ length: 1024 }, () => new Uint8Array(16 * KIB)));
  const large = new Set(Array.from({ length: 300 }, () => new Uint8Array(64 * KIB)));
  for (const slab of [...small, ...large]) spares.give(slab);
  const kept = Array.from(large, () => spares.take(64 * KIB)).filter((slab) => large.has(slab));
  assertEquals(kept.length, 256);
  assert(!small.has(spares.take(16 * KIB)));
});

Deno.test("SpareSlabs.drop() keeps nothing", () => {
  const spares = new SpareSlabs();
  const slab = new Uint8Array(64 * KIB);
  spares.give(slab);
  spares.drop();
  assert(spares.take(64 * KIB) !== slab);
});
