/** Metadata messages, encoded by hand as AMF0. */

import { readFlv } from "../../lib/media/flv_file.ts";
import {
  isClearDataFrame,
  isMetadata,
  stripSetDataFrame,
  withSetDataFrame,
} from "../../lib/media/metadata.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const SET = "02 000d 40 736574446174614672616d65"; // "@setDataFrame"
const LONG_SET = "0c 0000000d 40 736574446174614672616d65";
const CLEAR = "02 000f 40 636c656172446174614672616d65"; // "@clearDataFrame"
const META = "02 000a 6f6e4d65746144617461"; // "onMetaData"
const LONG_META = "0c 0000000a 6f6e4d65746144617461";
const OTHER = "02 000a 6f6e546578744461746f"; // "onTextDato", as long as "onMetaData"
const ARRAY = "08 00000001 0005 7769647468 00 4094000000000000 0000 09"; // {width: 1280}

const PAYLOADS:
  readonly (readonly [name: string, bytes: string, isMeta: boolean, isClear: boolean])[] = [
    ["onMetaData", META + ARRAY, true, false],
    ["onMetaData alone", META, true, false],
    ["@setDataFrame, onMetaData", SET + META + ARRAY, true, false],
    ["both as long strings", LONG_SET + LONG_META + ARRAY, true, false],
    ["@setDataFrame alone", SET, false, false],
    ["@setDataFrame twice", SET + SET + META, false, false],
    ["@setDataFrame, another name", SET + OTHER + ARRAY, false, false],
    ["another name", OTHER + ARRAY, false, false],
    ["a longer name", "02 000b 6f6e4d6574614461746132", false, false],
    ["onMetaData cut short", "02 000a 6f6e4d657461446174", false, false],
    ["a long onMetaData cut short", "0c 0000000a 6f6e4d657461446174", false, false],
    ["onMetaData after a number marker", "00 000a 6f6e4d65746144617461", false, false],
    ["a timecode that FFmpeg sends", "00 00 02", false, false],
    ["a marker alone", "02", false, false],
    ["nothing", "", false, false],
    ["@clearDataFrame, onMetaData", CLEAR + META, false, true],
    ["@clearDataFrame, onMetaData as long string", CLEAR + LONG_META, false, true],
    ["@clearDataFrame alone", CLEAR, false, false],
    ["@clearDataFrame, another name", CLEAR + OTHER, false, false],
  ];

for (const [name, bytes, isMeta, isClear] of PAYLOADS) {
  Deno.test(`isMetadata() is ${isMeta} for ${name}`, () => {
    assertEquals(isMetadata(hex(bytes)), isMeta);
  });
  Deno.test(`isClearDataFrame() is ${isClear} for ${name}`, () => {
    assertEquals(isClearDataFrame(hex(bytes)), isClear);
  });
}

Deno.test("isMetadata() finds the metadata in a file", () => {
  const { tags } = readFlv(AV1_OPUS_FLV);
  assertEquals(tags.map((tag) => isMetadata(tag.payload)).indexOf(true), 0);
  assertEquals(tags.filter((tag) => isMetadata(tag.payload)).length, 1);
});

Deno.test("stripSetDataFrame() returns a view of the same memory", () => {
  for (const set of [SET, LONG_SET]) {
    const payload = hex(set + META + ARRAY);
    const stripped = stripSetDataFrame(payload);
    assertEquals(stripped, hex(META + ARRAY));
    assert(stripped.buffer === payload.buffer);
  }
});

Deno.test("stripSetDataFrame() changes nothing without @setDataFrame", () => {
  for (const bytes of [META + ARRAY, CLEAR + META, OTHER, "", "02 000d 4073"]) {
    assertEquals(stripSetDataFrame(hex(bytes)), hex(bytes));
  }
});

Deno.test("withSetDataFrame() prepends @setDataFrame", () => {
  assertEquals(withSetDataFrame(hex(META + ARRAY)), hex(SET + META + ARRAY));
});

Deno.test("withSetDataFrame() returns a payload that has it unchanged", () => {
  for (const set of [SET, LONG_SET]) {
    const payload = hex(set + META + ARRAY);
    assert(withSetDataFrame(payload) === payload);
    assertEquals(payload, hex(set + META + ARRAY));
  }
});
