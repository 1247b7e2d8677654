import { OutageRoom } from "../../lib/upstream/outage_room.ts";
import { assertEquals } from "../helpers/assert.ts";

const MIB = 1024 * 1024;

for (const [count, mib] of [[0, 32], [1, 32], [8, 32], [16, 16], [256, 1]] as const) {
  Deno.test(`OutageRoom has ${mib} MiB for each of ${count} pushes`, () => {
    const room = new OutageRoom();
    for (let i = 0; i < count; i++) room.enter();
    assertEquals(room.bytesEach, mib * MIB);
  });
}

Deno.test("OutageRoom has more for the others when a push has an origin again", () => {
  const room = new OutageRoom();
  for (let i = 0; i < 32; i++) room.enter();
  for (let i = 0; i < 16; i++) room.leave();
  assertEquals(room.bytesEach, 16 * MIB);
});
