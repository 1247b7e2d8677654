/**
 * Information objects as in RTMP 1.0 §7.2.2 and as sent by the servers that clients are tested
 * with.
 */

import { amfEcmaArray, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { encodeCommandPayload } from "../../lib/rtmp/commands.ts";
import { parseStatus, statusCommand, statusObject } from "../../lib/rtmp/status.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const START = { level: "status", code: "NetStream.Play.Start", description: "Go" } as const;

Deno.test("statusCommand() returns an onStatus that requests no response", () => {
  assertEquals(
    encodeCommandPayload(statusCommand(START, "show")),
    hex(`
      02 0008 6f6e537461747573                        // "onStatus"
      00 0000000000000000                             // 0
      05                                              // null
      03
        0005 6c6576656c                               // level
        02 0006 737461747573                          // "status"
        0004 636f6465                                 // code
        02 0014 4e657453747265616d2e506c61792e5374617274
        000b 6465736372697074696f6e                   // description
        02 0002 476f
        0007 64657461696c73                           // details
        02 0004 73686f77
        0008 636c69656e746964                         // clientid
        02 0008 4153414943697373
      0000 09
    `),
  );
});

Deno.test("statusObject() omits details unless given", () => {
  assertEquals([...statusObject(START).properties.keys()], [
    "level",
    "code",
    "description",
    "clientid",
  ]);
});

const INFORMATION: readonly {
  name: string;
  value: AmfValue;
  status: ReturnType<typeof parseStatus>;
}[] = [
  {
    name: "an object",
    value: amfObject({ level: "error", code: "NetStream.Play.Failed", description: "No" }),
    status: { level: "error", code: "NetStream.Play.Failed", description: "No" },
  },
  {
    name: "an ECMA array",
    value: amfEcmaArray({ code: "NetStream.Play.Start", level: "status" }),
    status: { level: "status", code: "NetStream.Play.Start", description: "" },
  },
  {
    name: "a level that is neither status nor error",
    value: amfObject({ level: "warning", code: "NetStream.Play.InsufficientBW" }),
    status: { level: "status", code: "NetStream.Play.InsufficientBW", description: "" },
  },
  {
    name: "a description that is not text",
    value: amfObject({ level: "status", code: "x", description: 5 }),
    status: { level: "status", code: "x", description: "" },
  },
  { name: "an object without a code", value: amfObject({ level: "error" }), status: null },
  { name: "a code that is not text", value: amfObject({ level: "error", code: 4 }), status: null },
  { name: "null", value: null, status: null },
  { name: "nothing", value: undefined, status: null },
  { name: "a text", value: "NetStream.Play.Start", status: null },
  { name: "an array", value: [amfObject({ code: "x" })], status: null },
];

for (const { name, value, status } of INFORMATION) {
  Deno.test(`parseStatus() of ${name} is ${status === null ? "null" : status.level}`, () => {
    assertEquals(parseStatus(value), status);
  });
}

Deno.test("parseStatus() undoes statusObject()", () => {
  assertEquals(parseStatus(statusObject(START, "show")), START);
});
