/** Loops of edges. */

import { formatEdgePath, parseEdgePath, refuseLoop } from "../../lib/upstream/edge_path.ts";
import type { AmfValue } from "../../lib/amf/amf_value.ts";
import { assertEquals } from "../helpers/assert.ts";

const PATHS: readonly (readonly [name: string, value: AmfValue, path: readonly string[]])[] = [
  ["a client that is no edge", undefined, []],
  ["an empty text", "", []],
  ["one edge", "a", ["a"]],
  ["three edges", "a,b,c", ["a", "b", "c"]],
  ["a number", 7, []],
  ["null", null, []],
  ["1024 characters", "x".repeat(1_024), ["x".repeat(1_024)]],
  ["more characters than any path has", "x".repeat(1_025), []],
];

for (const [name, value, path] of PATHS) {
  Deno.test(`parseEdgePath() reads ${name}`, () => assertEquals(parseEdgePath(value), path));
}

Deno.test("formatEdgePath() puts the own id behind those before", () => {
  assertEquals(formatEdgePath([], "me"), "me");
  assertEquals(formatEdgePath(["a", "b"], "me"), "a,b,me");
  assertEquals(parseEdgePath(formatEdgePath(["a", "b"], "me")), ["a", "b", "me"]);
});

const REJECTED = "NetConnection.Connect.Rejected";

const LOOPS: readonly (readonly [name: string, path: string, code: string | undefined])[] = [
  ["a client that is no edge", "", undefined],
  ["another edge", "a", undefined],
  ["the edge itself", "me", REJECTED],
  ["a loop over others", "me,a,b", REJECTED],
  ["an edge of a similar name", "mee", undefined],
  ["seven edges", "1,2,3,4,5,6,7", undefined],
  ["eight edges", "1,2,3,4,5,6,7,8", REJECTED],
];

for (const [name, path, code] of LOOPS) {
  Deno.test(`refuseLoop() answers ${name} with ${code ?? "nothing"}`, () => {
    assertEquals(refuseLoop(parseEdgePath(path), "me")?.code, code);
  });
}
