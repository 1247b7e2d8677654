import { Leases } from "../../lib/http/leases.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("Leases remembers a key until its time, and longer if it is renewed", () => {
  const forgotten: string[] = [];
  const leases = new Leases(10_000, (key) => forgotten.push(key));
  leases.renew("a", 100);
  leases.renew("b", 100);
  leases.renew("a", 150);
  assertEquals([leases.leftMs("a", 99), leases.leftMs("b", 99)], [51, 1]);
  leases.expire(100);
  assertEquals(forgotten, ["b"]);
  assertEquals(leases.leftMs("b", 0), -Infinity);
  leases.expire(150);
  assertEquals([forgotten, leases.isEmpty], [["b", "a"], true]);
});

Deno.test("Leases forgets the keys that were renewed longest ago when memory is short", () => {
  const forgotten: string[] = [];
  // Three keys of one character.
  const leases = new Leases(303, (key) => forgotten.push(key));
  for (const key of ["a", "b", "c", "a", "d", "a", "e"]) leases.renew(key, 1000);
  assertEquals(forgotten, ["b", "c"]);
  leases.renew("x".repeat(250), 1000);
  assertEquals(forgotten, ["b", "c", "d", "a", "e", "x".repeat(250)]);
});
