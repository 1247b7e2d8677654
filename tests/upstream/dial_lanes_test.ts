import { DialLanes } from "../../lib/upstream/dial_lanes.ts";
import { assert, assertEquals } from "../helpers/assert.ts";

Deno.test("servers that are used no longer are forgotten, those in use are not", () => {
  let nowMs = 0;
  const lanes = new DialLanes({ now: () => nowMs });
  const at = (port: number) => lanes.of({ hostname: "10.0.0.1", port });
  at(1).open++;
  at(2).allowance = 0;
  for (let port = 3; port <= 10_000; port++) at(port);
  assert(lanes.size <= 102, `${lanes.size} lanes`);
  assertEquals([at(1).open, at(2).allowance], [1, 0]);
  nowMs += 2_500;
  for (let port = 3; port <= 200; port++) at(port);
  assertEquals([at(1).open, at(2).allowance], [1, 500], "a fresh lane");
});
