import { SpareBuffers } from "../../lib/base/spare_buffers.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

const KIB = 1024;

Deno.test("SpareBuffers.take() returns a buffer of that size that was given", () => {
  const spares = new SpareBuffers(16 * 1024 * KIB);
  const buffer = new Uint8Array(64 * KIB);
  spares.give(buffer);
  assert(spares.take(32 * KIB) !== buffer);
  assert(spares.take(64 * KIB) === buffer);
  assert(spares.take(64 * KIB) !== buffer, "the same buffer twice");
});

Deno.test("SpareBuffers.give() keeps no buffer that was made for one message", () => {
  const spares = new SpareBuffers(16 * 1024 * KIB);
  const buffer = new Uint8Array(100_000);
  spares.give(buffer);
  assert(spares.take(100_000) !== buffer);
});

Deno.test("SpareBuffers.give() keeps no more than it may, of the size that is used now", () => {
  const spares = new SpareBuffers(16 * 1024 * KIB);
  const small = new Set(Array.from({ length: 1024 }, () => new Uint8Array(16 * KIB)));
  const large = new Set(Array.from({ length: 300 }, () => new Uint8Array(64 * KIB)));
  for (const buffer of [...small, ...large]) spares.give(buffer);
  const kept = Array.from(large, () => spares.take(64 * KIB)).filter((buffer) => large.has(buffer));
  assertEquals(kept.length, 256);
  assert(!small.has(spares.take(16 * KIB)));
});

Deno.test("SpareBuffers.drop() keeps nothing", () => {
  const spares = new SpareBuffers(16 * 1024 * KIB);
  const buffer = new Uint8Array(64 * KIB);
  spares.give(buffer);
  spares.drop();
  assert(spares.take(64 * KIB) !== buffer);
});
