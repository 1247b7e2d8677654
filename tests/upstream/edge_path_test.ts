import { amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { formatEdgeInfo, parseEdgeInfo, refuseLoop } from "../../lib/upstream/edge_path.ts";
import { assertEquals } from "../helpers/assert.ts";

/** Returns the path in a `connect` object whose property is `value`. */
const pathIn = (value: AmfValue) => parseEdgeInfo(amfObject({ edgePath: value })).edgePath;

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
  Deno.test(`parseEdgeInfo() reads the path of ${name}`, () => assertEquals(pathIn(value), path));
}

for (
  const [value, backlogMs] of [[3_500, 3_500], [0, 0], [-1, 0], ["7", 0], [undefined, 0]] as const
) {
  Deno.test(`parseEdgeInfo() reads the backlog ${value} as ${backlogMs}`, () => {
    assertEquals(parseEdgeInfo(amfObject({ edgeBacklogMs: value })).backlogMs, backlogMs);
  });
}

Deno.test("formatEdgeInfo() appends the edge's own id to the path", () => {
  assertEquals(formatEdgeInfo({ edgePath: [], backlogMs: 0 }, "me"), { edgePath: "me" });
  const info = formatEdgeInfo({ edgePath: ["a", "b"], backlogMs: 3_500 }, "me");
  assertEquals(info, { edgePath: "a,b,me", edgeBacklogMs: 3_500 });
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
    assertEquals(refuseLoop(pathIn(path), "me")?.code, code);
  });
}
