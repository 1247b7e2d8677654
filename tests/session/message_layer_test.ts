/** Messages are written by hand: csid, time, length, type, message stream id, payload. */

import { WireError } from "../../lib/base/errors.ts";
import { MEDIA_LIMITS } from "../../lib/rtmp/chunk_limits.ts";
import { MessageLayer, type MessageLayerHandler } from "../../lib/session/message_layer.ts";
import { assertEquals, assertMatch, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { toHex } from "../helpers/session_peer.ts";

/** Records the calls of a message layer. */
class Log implements MessageLayerHandler {
  readonly lines: string[] = [];

  send(bytes: Uint8Array): void {
    this.lines.push(`send ${toHex(bytes)}`);
  }

  onCommand({ name }: { name: string }, msid: number): void {
    this.lines.push(`command ${name} @${msid}`);
  }

  onMedia(typeId: number, timestampMs: number, payload: Uint8Array, msid: number): void {
    this.lines.push(`media ${typeId} ${timestampMs} ${toHex(payload)} @${msid}`);
  }

  onUserControl({ event, value }: { event: number; value: number }): void {
    this.lines.push(`event ${event} ${value}`);
  }

  onAcknowledgement(totalBytes: number): void {
    this.lines.push(`acknowledged ${totalBytes}`);
  }

  onIgnored(what: string): void {
    this.lines.push(`ignored ${what}`);
  }
}

function linesOf(messages: string): string[] {
  const log = new Log();
  new MessageLayer(log).push(hex(messages));
  return log.lines;
}

const CASES: readonly { readonly does: string; readonly messages: string; lines: string[] }[] = [
  {
    does: "separates audio, video and data",
    messages: `
      04 000001 000002 08 01000000 AF01
      06 000002 000001 09 02000000 17
      05 000003 000003 12 01000000 020000`,
    lines: ["media 8 1 AF01 @1", "media 9 2 17 @2", "media 18 3 020000 @1"],
  },
  {
    does: "unpacks data in an AMF3 envelope",
    messages: "05 000003 000004 0F 01000000 00 020000",
    lines: ["media 18 3 020000 @1"],
  },
  {
    does: "unpacks a command in an AMF3 envelope",
    messages: "03 000000 00000E 11 05000000 00 02 0001 61 00 0000000000000000",
    lines: ["command a @5"],
  },
  {
    does: "splits aggregates and keeps their message stream id",
    messages: `
      07 0003E8 000020 16 07000000
        08 000001 00000A 00 000000 AA 0000000C
        09 000001 000014 00 000000 BB 0000000C`,
    lines: ["media 8 1000 AA @7", "media 9 1010 BB @7"],
  },
  {
    does: "answers a ping with its timestamp",
    messages: "02 000000 000006 04 00000000 0006 DEADBEEF",
    lines: ["send 020000000000060400000000" + "0007" + "DEADBEEF"],
  },
  {
    does: "passes on other user control events, known or not",
    messages: `
      02 000000 00000A 04 00000000 0003 00000001 000003E8
      02 000000 000006 04 00000000 0007 0000002A
      02 000000 000002 04 00000000 0063`,
    lines: ["event 3 1", "event 7 42", "event 99 0"],
  },
  {
    does: "passes on acknowledgements",
    messages: "02 000000 000004 03 00000000 FFFFFFFF",
    lines: ["acknowledged 4294967295"],
  },
  {
    does: "ignores SetPeerBandwidth, SetChunkSize and Abort",
    messages: `
      02 000000 000005 06 00000000 00000001 00
      02 000000 000004 01 00000000 00001000
      02 000000 000004 02 00000000 00000006`,
    lines: [],
  },
  {
    does: "reports each unknown message type once",
    messages: `
      03 000000 000000 10 00000000
      03 000000 000001 63 00000000 FF
      03 000000 000001 63 00000000 FF`,
    lines: ["ignored message type 16", "ignored message type 99"],
  },
  {
    does: "ignores data with actual AMF3 values, and an empty envelope",
    messages: `
      05 000003 000002 0F 01000000 0A 0B
      05 000003 000000 0F 01000000`,
    lines: [
      "ignored unreadable message of type 15: " +
      "Cannot decode message: format 10 is not supported, only 0 (AMF0)",
    ],
  },
  {
    does: "removes a 0x00 in front of AMF0 in data and commands",
    messages: `
      05 000003 000004 12 01000000 00 020000
      03 000000 00000E 14 05000000 00 02 0001 61 00 0000000000000000`,
    lines: ["media 18 3 020000 @1", "command a @5"],
  },
  {
    does: "passes on data that starts with a number",
    messages: "05 000003 000009 12 01000000 00 0300000000000000",
    lines: ["media 18 3 000300000000000000 @1"],
  },
  {
    does: "passes on what it can read of a command, and reports that once",
    messages: `
      03 000000 00000F 11 00000000 00 02 0001 61 00 0000000000000000 11
      03 000000 00000E 14 00000000 02 0001 62 00 0000000000000000 0E`,
    lines: [
      'ignored unreadable arguments of command "a": Cannot decode AMF0: type 0x11 is not supported',
      "command a @0",
      "command b @0",
    ],
  },
  {
    does: "ignores an aggregate in an aggregate",
    messages: "07 000000 00000F 16 01000000 16 000000 000000 00 000000 0000000B",
    lines: ["ignored message type 22 in an aggregate"],
  },
];

for (const { does, messages, lines } of CASES) {
  Deno.test(`MessageLayer.push() ${does}`, () => assertEquals(linesOf(messages), lines));
}

const UNREADABLE = [
  { what: "a command that is not AMF0", messages: "03 000000 000001 14 00000000 FF", typeId: 20 },
  { what: "a command without a name", messages: "03 000000 000001 14 00000000 05", typeId: 20 },
  { what: "an empty command", messages: "03 000000 000000 14 00000000", typeId: 20 },
  { what: "a command of AMF3 values", messages: "03 000000 000002 11 00000000 11 0A", typeId: 17 },
  {
    what: "an acknowledgement of 3 bytes",
    messages: "02 000000 000003 03 00000000 000000",
    typeId: 3,
  },
  {
    what: "a WindowAckSize of 3 bytes",
    messages: "02 000000 000003 05 00000000 000000",
    typeId: 5,
  },
  { what: "a SetChunkSize of 3 bytes", messages: "02 000000 000003 01 00000000 000000", typeId: 1 },
  { what: "an empty Abort", messages: "02 000000 000000 02 00000000", typeId: 2 },
  { what: "an empty user control event", messages: "02 000000 000000 04 00000000", typeId: 4 },
  {
    what: "a user control event of 1 byte",
    messages: "02 000000 000001 04 00000000 00",
    typeId: 4,
  },
];

for (const { what, messages, typeId } of UNREADABLE) {
  Deno.test(`MessageLayer.push() ignores ${what}, reports it once, and reads on`, () => {
    const video = "06 000002 000001 09 01000000 17";
    const [report, ...others] = linesOf(`${messages} ${messages} ${video}`);
    assertMatch(report!, new RegExp(`^ignored unreadable message of type ${typeId}: Cannot`));
    assertEquals(others, ["media 9 2 17 @1"]);
  });
}

Deno.test("MessageLayer.push() throws a WireError for a truncated aggregate", () => {
  assertThrows(() => linesOf("07 000000 000004 16 01000000 08 000001"), WireError);
});

/** WindowAckSize 100, 16 bytes. */
const WINDOW_100 = hex("02 000000 000004 05 00000000 00000064");

Deno.test("MessageLayer.push() acknowledges every half of the announced window", () => {
  const log = new Log();
  const layer = new MessageLayer(log);
  layer.push(WINDOW_100);
  // 16 + 13 bytes, 16 + 26 bytes, …: a video message of one byte has 13.
  for (let count = 0; count < 6; count++) layer.push(hex("06 000000 000001 09 01000000 17"));
  assertEquals(log.lines.filter((line) => line.startsWith("send")), [
    "send 020000000000040300000000" + "00000037", // 55
  ]);
});

Deno.test("MessageLayer.setAckWindow() acknowledges without a window from the peer", () => {
  const log = new Log();
  const layer = new MessageLayer(log);
  layer.setAckWindow(26);
  layer.push(hex("06 000000 000001 09 01000000 17"));
  assertEquals(log.lines, ["send 020000000000040300000000" + "0000000D", "media 9 0 17 @1"]);
});

Deno.test("MessageLayer.push() rejects messages longer than its limit", () => {
  const limits = { ...MEDIA_LIMITS, maxMessageBytes: 10 };
  const layer = new MessageLayer(new Log(), { limits });
  assertThrows(() => layer.push(hex("06 000000 00000B 09 01000000")), WireError);
});
