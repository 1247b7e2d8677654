/** From the first byte to the answer to `connect`. */

import { AmfObject, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { VERSION } from "../../lib/base/version.ts";
import { decodeCommand } from "../../lib/rtmp/commands.ts";
import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  ClientPeer,
  CONNECT,
  CREATE_STREAM,
  PLAY,
  PUBLISH,
  SIMPLE_HANDSHAKE,
  toHex,
} from "../helpers/session_peer.ts";

/** AMF0 text without a marker: two bytes of length, then UTF-8. */
function text(value: string): string {
  const bytes = encodeUtf8(value);
  return bytes.length.toString(16).padStart(4, "0") + toHex(bytes);
}

/** An AMF0 string. */
function string(value: string): string {
  return `02 ${text(value)}`;
}

/** A fmt 0 message on csid 3 and message stream 0 in a single chunk. */
function commandMessage(values: string): string {
  const body = hex(values);
  return `03 000000 ${body.length.toString(16).padStart(6, "0")} 14 00000000 ${toHex(body)}`;
}

/** The answer to a request that is none, and its report. */
const REFUSED = {
  messages: ["@0 _error 1 null error NetConnection.Connect.Rejected"],
  events: ["refused NetConnection.Connect.Rejected"],
};

const ANSWER = hex(`
  02 000000 000004 05 00000000 002625A0     // WindowAckSize 2,500,000
  02 000000 000005 06 00000000 002625A0 02  // SetPeerBandwidth 2,500,000, dynamic
  02 000000 000004 01 00000000 0000EA60     // SetChunkSize 60,000
  ${
  commandMessage(`
    ${string("_result")} 00 3FF0000000000000  // 1
    03
      ${text("fmsVer")} ${string("FMS/3,5,3,888")}
      ${text("capabilities")} 00 405FC00000000000  // 127
      ${text("mode")} 00 3FF0000000000000
    000009
    03
      ${text("level")} ${string("status")}
      ${text("code")} ${string("NetConnection.Connect.Success")}
      ${text("description")} ${string("Connection succeeded")}
      ${text("objectEncoding")} 00 4008000000000000  // 3
      ${text("data")} 08 00000002
        ${text("version")} ${string("3,5,3,888")}
        ${text("server")} ${string(`edge/${VERSION}`)}
      000009
    000009`)
}
  ${commandMessage(`${string("onBWDone")} 00 0000000000000000 05`)}
`);

function connectWith(properties: Readonly<Record<string, AmfValue>>) {
  return { ...CONNECT, values: [new AmfObject("object", new Map(Object.entries(properties)))] };
}

Deno.test("ServerSession answers connect in SRS's order, with the client's objectEncoding", () => {
  const peer = new ClientPeer();
  peer.command(connectWith({ app: "live", tcUrl: "rtmp://server/live", objectEncoding: 3 }));
  assertEquals(toHex(concatBytes(peer.sent.slice(1))), toHex(ANSWER));
});

Deno.test("ServerSession answers the handshake before any command", () => {
  const peer = new ClientPeer({ isNew: true });
  // C0 C1 are enough for S0 S1 S2.
  peer.push(SIMPLE_HANDSHAKE.subarray(0, 1537));
  assertEquals(peer.sent.map(({ length }) => length), [3073]);
});

Deno.test("ServerSession reports the properties of connect", () => {
  const peer = new ClientPeer();
  peer.command(connectWith({
    app: "live",
    tcUrl: "rtmp://server/live?token=1",
    pageUrl: "http://page/",
    swfUrl: "http://page/player.swf",
    flashVer: "LNX 9,0,124,2",
    extra: 5,
  }));
  const { app, tcUrl, pageUrl, swfUrl, flashVer } = peer.connectRequest;
  assertEquals({ app, tcUrl, pageUrl, swfUrl, flashVer }, {
    app: "live",
    tcUrl: "rtmp://server/live?token=1",
    pageUrl: "http://page/",
    swfUrl: "http://page/player.swf",
    flashVer: "LNX 9,0,124,2",
  });
  assertEquals([peer.connectInfo?.get("extra"), peer.connectInfo?.get("other")], [5, undefined]);
  assertEquals(peer.connectRequest.args, null);
});

Deno.test("ServerSession reports the second argument of connect if it is an object", () => {
  for (
    const [second, isReported] of [[amfObject({ token: "a" }), true], ["token", false]] as const
  ) {
    const peer = new ClientPeer();
    const { name, tid, values } = connectWith({ app: "live", tcUrl: "rtmp://server/live" });
    peer.command({ name, tid: tid!, values: [...values!, second] });
    assertEquals(peer.connectRequest.args?.get("token"), isReported ? "a" : undefined);
  }
});

Deno.test("ServerSession treats missing and invalid text as empty", () => {
  const peer = new ClientPeer();
  assertEquals(peer.command(connectWith({ app: 7, tcUrl: null })).events, ["connect  "]);
});

Deno.test("ServerSession echoes the transaction id of connect", () => {
  const { messages } = new ClientPeer().command({ ...CONNECT, tid: 4 });
  assertEquals(messages[3], "@0 _result 4 {} NetConnection.Connect.Success");
});

Deno.test("ServerSession requests no acknowledgements when the window is 0", () => {
  const windows = { outAckSizeBytes: 0, inAckSizeBytes: 0 };
  assertEquals(new ClientPeer({ windows }).command(CONNECT).messages, [
    "SetChunkSize 60000",
    "@0 _result 1 {} NetConnection.Connect.Success",
    "@0 onBWDone",
  ]);
});

Deno.test("ServerSession acknowledges at the smaller of the configured and the client's window", () => {
  const windows = { outAckSizeBytes: 0, inAckSizeBytes: 100 };
  const peer = new ClientPeer({ windows });
  // WindowAckSize 5,000,000, as nginx-rtmp sends before connect: 16 bytes.
  peer.push(hex("02 000000 000004 05 00000000 004C4B40"));
  const connectBytes = peer.encode(CONNECT).length;
  peer.command(CONNECT);
  const { messages } = peer.command({ name: "_checkbw", tid: 2 });
  const pingBytes = peer.encode({ name: "_checkbw", tid: 2 }).length;
  assertEquals(messages, [
    `Acknowledgement ${16 + connectBytes + pingBytes}`,
    "@0 _result 2 null null",
  ]);
});

Deno.test("ServerSession sends the reason of a refused connect, in chunks of 128 bytes", () => {
  const peer = new ClientPeer({ defers: ["connect"] });
  peer.command(CONNECT);
  const description = "x".repeat(200);
  peer.reject({ code: "NetConnection.Connect.Rejected", description });
  // The recorder knows no other chunk size, so it decodes only chunks of 128 bytes.
  const { payload } = peer.messages[0]!;
  const { name, transactionId, values } = decodeCommand(payload);
  const info = values[1];
  assertEquals([name, transactionId, values[0], peer.messages.length], ["_error", 1, null, 1]);
  assertEquals(info instanceof AmfObject && Object.fromEntries(info.properties), {
    level: "error",
    code: "NetConnection.Connect.Rejected",
    description,
    clientid: "ASAICiss",
  });
});

Deno.test("ServerSession ignores commands after a refused connect", () => {
  const peer = new ClientPeer({ defers: ["connect"] });
  peer.command(CONNECT, CREATE_STREAM);
  peer.reject({ code: "NetConnection.Connect.Rejected", description: "no" });
  assertEquals(peer.command(CREATE_STREAM, PUBLISH, CONNECT), { messages: [], events: [] });
  assertEquals(peer.acceptConnect(), { messages: [], events: [] });
});

Deno.test("ServerSession runs commands sent before connect was accepted, in order", () => {
  const peer = new ClientPeer({ defers: ["connect"] });
  assertEquals(peer.command(CONNECT, CREATE_STREAM, PUBLISH), {
    messages: [],
    events: ["connect live rtmp://server/live"],
  });
  const { messages, events } = peer.acceptConnect();
  assertEquals(messages.slice(3), [
    "@0 _result 1 {} NetConnection.Connect.Success",
    "@0 onBWDone",
    "@0 _result 2 null 1",
    "@1 onStatus NetStream.Publish.Start",
  ]);
  assertEquals(events, ["publish show"]);
});

Deno.test("ServerSession answers pings while connect is undecided", () => {
  const peer = new ClientPeer({ defers: ["connect"] });
  peer.command(CONNECT);
  peer.push(hex("02 000000 000006 04 00000000 0006 00000005"));
  assertEquals(peer.take().messages, ["PingResponse 5"]);
});

Deno.test("ServerSession limits the commands kept while connect is undecided", () => {
  const peer = new ClientPeer({ defers: ["connect"] });
  peer.command(CONNECT);
  for (let count = 0; count < 8; count++) peer.command(CREATE_STREAM);
  assertEquals(peer.command(CREATE_STREAM), REFUSED);
});

Deno.test("ServerSession.acceptConnect() ignores other ids and further calls", () => {
  const peer = new ClientPeer({ defers: ["connect"] });
  peer.command(CONNECT);
  assertEquals(peer.acceptConnect(99).messages, []);
  assertEquals(peer.acceptConnect().messages.length, 5);
  assertEquals(peer.acceptConnect().messages, []);
});

Deno.test("ServerSession accepts a connect in an AMF3 envelope", () => {
  const peer = new ClientPeer();
  const body = concatBytes([
    hex("00  02 0007 636F6E6E656374  00 3FF0000000000000"), // connect, 1
    hex("03 0003 617070 02 0001 61 000009"), // {app: "a"}
  ]);
  assertEquals(peer.message({ typeId: 17 }, body).events, ["connect a "]);
});

Deno.test("ServerSession accepts a connect with an ECMA array as object", () => {
  const info = new AmfObject("ecma_array", new Map([["app", "a"]]));
  const { events } = new ClientPeer().command({ ...CONNECT, values: [info] });
  assertEquals(events, ["connect a "]);
});

const BROKEN = [
  { what: "a command before connect", commands: [{ ...CREATE_STREAM, tid: 1 }] },
  { what: "a play before connect", commands: [{ ...PLAY, tid: 1 }] },
  { what: "a connect without its object", commands: [{ ...CONNECT, values: [null] }] },
  { what: "a connect without values", commands: [{ ...CONNECT, values: [] }] },
];

for (const { what, commands } of BROKEN) {
  Deno.test(`ServerSession refuses ${what} with an _error, and ignores what follows`, () => {
    const peer = new ClientPeer();
    assertEquals(peer.command(...commands), REFUSED);
    assertEquals(peer.command(CONNECT, CREATE_STREAM), { messages: [], events: [] });
  });
}

Deno.test("ServerSession refuses a second connect with an _error", () => {
  assertEquals(new ClientPeer().connected().command(CONNECT), REFUSED);
});

Deno.test("ServerSession refuses a connect whose object it cannot read, and says why", () => {
  const peer = new ClientPeer();
  // connect, 1, {app: AMF3}
  const body = hex("02 0007 636F6E6E656374 00 3FF0000000000000 03 0003 617070 11");
  assertEquals(peer.message({ typeId: 20 }, body).events.slice(1), REFUSED.events);
  const { values } = decodeCommand(peer.messages.at(-1)!.payload);
  assertEquals(
    values[1] instanceof AmfObject && values[1].get("description"),
    "Cannot connect: Cannot decode AMF0: type 0x11 is not supported",
  );
});

Deno.test("ServerSession accepts a connect with unreadable arguments behind its object", () => {
  const peer = new ClientPeer();
  // connect, 1, {}, AMF3
  const body = hex("02 0007 636F6E6E656374 00 3FF0000000000000 03 000009 11 0A");
  assertEquals(peer.message({ typeId: 20 }, body).events.slice(1), ["connect  "]);
});

Deno.test("ServerSession drops user and password of tcUrl", () => {
  for (
    const [tcUrl, kept] of [
      ["rtmp://user:s3cret@server/live", "rtmp://server/live"],
      ["rtmp://user@server/live", "rtmp://server/live"],
      ["rtmp://user:a@b@server/live?c=@", "rtmp://server/live?c=@"],
      ["rtmp://server/live@home", "rtmp://server/live@home"],
    ] as const
  ) {
    const peer = new ClientPeer();
    peer.command(connectWith({ app: "live", tcUrl }));
    assertEquals(peer.connectRequest.tcUrl, kept);
  }
});

Deno.test("ServerSession ignores media before connect", () => {
  const peer = new ClientPeer();
  assertEquals(peer.message({ typeId: 9, msid: 1 }, hex("17")), { messages: [], events: [] });
});
