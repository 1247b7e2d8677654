import { nearestName } from "../../lib/config/nearest.ts";
import { assertEquals } from "../helpers/assert.ts";

Deno.test("nearestName() accepts two insertions, removals or replacements in six characters", () => {
  for (const typed of ["sitting", "sittin", "sitti", "xsittingx", "kittin"]) {
    assertEquals(nearestName(typed, ["sitting"]), "sitting", typed);
  }
  assertEquals(nearestName("kitten", ["sitting"]), undefined);
  assertEquals(nearestName("", ["abc"]), undefined);
});

Deno.test("nearestName() returns the closest name, and none that is far", () => {
  const names = ["origin", "mode", "vhost", "linger"];
  assertEquals(nearestName("orgin", names), "origin");
  assertEquals(nearestName("vhots", names), "vhost");
  assertEquals(nearestName("moed", names), "mode");
  assertEquals(nearestName("zzz", names), undefined);
  assertEquals(nearestName("x".repeat(1000), names), undefined);
});
