import { encodeAmf0 } from "../../lib/amf/amf0_encode.ts";
import { amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { encodeEdgeReport, parseEdgeReport, parsePeerServer } from "../../lib/rtmp/edge_report.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

Deno.test("encodeEdgeReport() writes one data message on the stream that is played", () => {
  const report = { players: 1, edges: 0, kbps: 2, lagMs: 3 };
  assertEquals(
    encodeEdgeReport(report, { msid: 1, chunkSize: 4096 }),
    hex(`
      05 00 00 00 00 00 54 12 01 00 00 00
      02 00 0c 6f 6e 45 64 67 65 52 65 70 6f 72 74
      03 00 07 70 6c 61 79 65 72 73 00 3f f0 00 00 00 00 00 00
      00 05 65 64 67 65 73 00 00 00 00 00 00 00 00 00
      00 04 6b 62 70 73 00 40 00 00 00 00 00 00 00
      00 05 6c 61 67 4d 73 00 40 08 00 00 00 00 00 00
      00 00 09
    `),
  );
});

function parse(...values: readonly AmfValue[]) {
  return parseEdgeReport(encodeAmf0(values));
}

Deno.test("parseEdgeReport() bounds what it is told, and reads nothing else", () => {
  const wild = { players: 1e300, edges: NaN, kbps: -1, lagMs: "7", more: true };
  assertEquals(parse("onEdgeReport", amfObject(wild)), {
    players: 10_000_000,
    edges: 0,
    kbps: 0,
    lagMs: 0,
  });
  assertEquals(parse("onEdgeReport", amfObject({ players: 2.5 }))!.players, 3);
  assertEquals(parse("onEdgeReport", 7), null);
  assertEquals(parse("onMetaData", amfObject({ players: 1 })), null);
  assertEquals(parseEdgeReport(hex("02 00 0c 6f")), null);
});

Deno.test("parsePeerServer() knows our servers, and keeps no text that could forge a log line", () => {
  const data = { edgeReports: 1, clientId: "c1\n2", serverName: "x".repeat(100) };
  assertEquals(parsePeerServer(amfObject({ data: amfObject(data) })), {
    clientId: "c12",
    serverName: "x".repeat(64),
    takesMoved: false,
  });
  assertEquals(parsePeerServer(amfObject({ data: amfObject({ version: "3,5" }) })), null);
  assertEquals(parsePeerServer(amfObject({ data: "edgeReports" })), null);
  assertEquals(parsePeerServer(null), null);
});
