/** Expected bytes are written by hand from RTMP 1.0 §7.2 and AMF0. */

import { amfObject } from "../../lib/amf/amf_value.ts";
import { WireError } from "../../lib/base/errors.ts";
import {
  type Command,
  decodeCommand,
  encodeCommand,
  encodeCommandPayload,
} from "../../lib/rtmp/commands.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";

const CREATE_STREAM = `
  02 000c 63726561746553747265616d // "createStream"
  00 4010000000000000              // 4
  05                               // null
`;

const COMMANDS: readonly { name: string; bytes: string; command: Command }[] = [
  {
    name: "without arguments",
    bytes: CREATE_STREAM,
    command: { name: "createStream", transactionId: 4, values: [null] },
  },
  {
    name: "with a command object",
    bytes: `
      02 0007 636f6e6e656374                    // "connect"
      00 3ff0000000000000                       // 1
      03 0003 617070 02 0004 6c697665 0000 09   // { app: "live" }
    `,
    command: { name: "connect", transactionId: 1, values: [amfObject({ app: "live" })] },
  },
  {
    name: "with arguments",
    bytes: `
      02 0007 7075626c697368 // "publish"
      00 4014000000000000    // 5
      05                     // null
      02 0004 73686f77       // "show"
      02 0004 6c697665       // "live"
    `,
    command: { name: "publish", transactionId: 5, values: [null, "show", "live"] },
  },
  {
    name: "without values",
    bytes: "02 0005 636c6f7365  00 0000000000000000", // "close", 0
    command: { name: "close", transactionId: 0, values: [] },
  },
];

for (const { name, bytes, command } of COMMANDS) {
  Deno.test(`decodeCommand() reads a command ${name}`, () => {
    assertEquals(decodeCommand(hex(bytes)), command);
  });

  Deno.test(`encodeCommandPayload() writes a command ${name}`, () => {
    assertEquals(encodeCommandPayload(command), hex(bytes));
  });
}

// Both types are read alike.
for (const what of ["in the AMF3 envelope", "with the format byte of AMF3 under type 20"]) {
  Deno.test(`decodeCommand() reads a command ${what}`, () => {
    assertEquals(decodeCommand(hex(`00 ${CREATE_STREAM}`)), {
      name: "createStream",
      transactionId: 4,
      values: [null],
    });
  });
}

Deno.test("decodeCommand() keeps the position of arguments when the transaction id is omitted", () => {
  const bytes = hex(`
    02 000b 4643556e7075626c697368 // "FCUnpublish"
    05                             // null
    02 0004 73686f77               // "show"
  `);
  assertEquals(decodeCommand(bytes), {
    name: "FCUnpublish",
    transactionId: 0,
    values: [null, "show"],
  });
});

Deno.test("decodeCommand() reads a name alone", () => {
  assertEquals(decodeCommand(hex("02 0005 636c6f7365")), {
    name: "close",
    transactionId: 0,
    values: [],
  });
});

const REFUSED = [
  { name: "an empty message", bytes: "", code: "amf.amf3_unsupported" },
  { name: "an AMF3 envelope without AMF0", bytes: "00", code: "command.no_name" },
  {
    name: "a number in place of the name",
    bytes: "00 00 3ff0000000000000",
    code: "command.no_name",
  },
  { name: "real AMF3", bytes: "03 0101", code: "amf.amf3_unsupported" },
  { name: "a truncated name", bytes: "02 0005 636c", code: "amf.truncated" },
];

for (const { name, bytes, code } of REFUSED) {
  Deno.test(`decodeCommand() rejects ${name}`, () => {
    assertEquals(assertThrows(() => decodeCommand(hex(bytes)), WireError).code, code);
  });
}

Deno.test("decodeCommand() keeps what precedes a value that it cannot read", () => {
  const cases = [
    { bytes: `${CREATE_STREAM} 11 0a0b0101`, values: [null], code: "amf.unsupported_marker" },
    { bytes: `${CREATE_STREAM} 0e`, values: [null], code: "amf.unsupported_marker" },
    { bytes: `${CREATE_STREAM} 02 0004 73`, values: [null], code: "amf.truncated" },
    { bytes: CREATE_STREAM.replace("05", "11"), values: [], code: "amf.unsupported_marker" },
  ];
  for (const { bytes, values, code } of cases) {
    const { damage, ...command } = decodeCommand(hex(bytes));
    assertEquals(command, { name: "createStream", transactionId: 4, values });
    assertEquals(damage?.code, code);
  }
});

Deno.test("encodeCommand() writes chunks of the announced size", () => {
  const command = { name: "createStream", transactionId: 4, values: [null] };
  assertEquals(
    encodeCommand(command, { msid: 1, chunkSize: 16 }),
    hex(`
      03 000000 000019 14 01000000  // csid 3, time 0, 25 bytes, type 20, message stream 1
      02 000c 63726561746553747265616d 00
      c3
      4010000000000000 05
    `),
  );
});
