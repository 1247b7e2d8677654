/** The client's side against scripted and recorded servers. */

import { AmfObject, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { UpstreamError, WireError } from "../../lib/base/errors.ts";
import { ClientSession } from "../../lib/session/client_session.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  type CommandLine,
  FIXED_HANDSHAKE,
  ServerPeer,
  SIMPLE_HANDSHAKE,
  type Taken,
  toHex,
} from "../helpers/session_peer.ts";
import { feedAtEverySplit } from "../helpers/split.ts";
import { NGINX_PLAY_ANSWER, NGINX_PLAY_REFUSAL } from "./peer_captures.ts";

const PLAY = {
  kind: "play",
  tcUrl: "rtmp://origin/live",
  app: "live",
  streamName: "show?token=1",
} as const;

const PUBLISH = { ...PLAY, kind: "publish" } as const;

const NOTHING = { messages: [], events: [] };

const CONNECT_RESULT: CommandLine = {
  name: "_result",
  tid: 1,
  values: [amfObject({}), amfObject({ level: "status", code: "NetConnection.Connect.Success" })],
};

function streamResult(msid: AmfValue): CommandLine {
  return { name: "_result", tid: 4, values: [null, msid] };
}

function status(code: string, level = "status", description = ""): CommandLine {
  return { name: "onStatus", values: [null, amfObject({ level, code, description })], msid: 1 };
}

/** A server that has answered everything up to play or publish. */
function asked(target: typeof PLAY | typeof PUBLISH, msid: AmfValue = 1): ServerPeer {
  const server = new ServerPeer({ target });
  server.command(CONNECT_RESULT, streamResult(msid));
  return server;
}

/** A server that has accepted the publish. */
function publishing(): ServerPeer {
  const server = asked(PUBLISH);
  server.command(status("NetStream.Publish.Start"));
  return server;
}

/** A server that has sent the first video frame. */
function playing(): ServerPeer {
  const server = asked(PLAY);
  sendVideo(server);
  return server;
}

function sendVideo(server: ServerPeer, msid = 1) {
  return server.message({ typeId: 9, timestampMs: 40, msid }, hex("17"));
}

function refusal(act: () => unknown): UpstreamError {
  return assertThrows(act, UpstreamError);
}

// Bytes sent.

/** AMF0 text without a marker: two bytes of length, then UTF-8. */
function text(value: string): string {
  const bytes = encodeUtf8(value);
  return bytes.length.toString(16).padStart(4, "0") + toHex(bytes);
}

/** An AMF0 string. */
function string(value: string): string {
  return `02 ${text(value)}`;
}

/** A fmt 0 message on csid 3 with chunks of `chunkSize`. */
function commandMessage(values: string, { msid = 0, chunkSize = 60_000 } = {}): Uint8Array {
  const body = hex(values);
  const parts = [
    hex(`03 000000 ${body.length.toString(16).padStart(6, "0")} 14 ${toHex(u32le(msid))}`),
    body.subarray(0, chunkSize),
  ];
  for (let at = chunkSize; at < body.length; at += chunkSize) {
    parts.push(hex("C3"), body.subarray(at, at + chunkSize));
  }
  return concatBytes(parts);
}

function u32le(value: number): Uint8Array {
  return new Uint8Array([value, value >>> 8, value >>> 16, value >>> 24]);
}

/** `connect`, the window and the chunk size. */
function connectBytes(type: string, flashVer: string, window: string): Uint8Array {
  const connect = `
    ${string("connect")} 00 3FF0000000000000  // 1
    03
      ${text("app")} ${string("live")}
      ${type}
      ${text("flashVer")} ${string(flashVer)}
      ${text("tcUrl")} ${string("rtmp://origin/live")}
      ${text("fpad")} 01 00
      ${text("capabilities")} 00 406DE00000000000   // 239
      ${text("audioCodecs")} 00 40ABEE0000000000    // 3575
      ${text("videoCodecs")} 00 406F800000000000    // 252
      ${text("videoFunction")} 00 3FF0000000000000
      ${text("objectEncoding")} 00 0000000000000000
    000009`;
  return concatBytes([
    // The server does not know another chunk size yet.
    commandMessage(connect, { chunkSize: 128 }),
    hex(`02 000000 000004 05 00000000 ${window}`), // WindowAckSize
    hex("02 000000 000004 01 00000000 0000EA60"), // SetChunkSize 60,000
  ]);
}

const SENT_TO_PLAY = concatBytes([
  connectBytes("", "LNX 9,0,124,2", "002625A0"),
  commandMessage(`${string("createStream")} 00 4010000000000000 05`), // 4
  commandMessage(`${string("play")} 00 4014000000000000 05 ${string("show?token=1")}`, {
    msid: 0x0102_0304,
  }),
  hex("02 000000 00000A 04 00000000 0003 01020304 000003E8"), // SetBufferLength 1000
]);

const SENT_TO_PUBLISH = concatBytes([
  connectBytes(
    `${text("type")} ${string("nonprivate")}`,
    "FMLE/3.0 (compatible; edge)",
    "00010000",
  ),
  commandMessage(`${string("releaseStream")} 00 4000000000000000 05 ${string("show?token=1")}`),
  commandMessage(`${string("FCPublish")} 00 4008000000000000 05 ${string("show?token=1")}`),
  commandMessage(`${string("createStream")} 00 4010000000000000 05`),
  commandMessage(
    `${string("publish")} 00 4014000000000000 05 ${string("show?token=1")} ${string("live")}`,
    { msid: 0x0102_0304 },
  ),
]);

/** Everything sent after C0 C1 and C2. */
function sentCommands(server: ServerPeer): string {
  return toHex(concatBytes(server.sent).subarray(1 + 1536 + 1536));
}

Deno.test("ClientSession sends the messages of a player", () => {
  assertEquals(sentCommands(asked(PLAY, 0x0102_0304)), toHex(SENT_TO_PLAY));
});

Deno.test("ClientSession sends the messages of FMLE", () => {
  assertEquals(sentCommands(asked(PUBLISH, 0x0102_0304)), toHex(SENT_TO_PUBLISH));
});

Deno.test("ClientSession sends each step after the answer to the previous one", () => {
  const server = new ServerPeer({ target: PUBLISH });
  assertEquals(server.take().messages, [
    "@0 connect 1 {}",
    "WindowAckSize 65536",
    "SetChunkSize 60000",
  ]);
  assertEquals(server.command(CONNECT_RESULT).messages, [
    "@0 releaseStream 2 null show?token=1",
    "@0 FCPublish 3 null show?token=1",
    "@0 createStream 4 null",
  ]);
  assertEquals(server.command(streamResult(1)).messages, [
    "@1 publish 5 null show?token=1 live",
  ]);
});

Deno.test("ClientSession adds the given properties and argument to connect", () => {
  const server = new ServerPeer({
    target: PLAY,
    connectProperties: () => ({ edgePath: "a" }),
    connectArgs: amfObject({ code: "argument" }),
  });
  assertEquals(server.take().messages[0], "@0 connect 1 {} argument");
  const { payload } = server.messages[0]!;
  // … "edgePath": "a" ends the object.
  const end = hex(`${text("edgePath")} ${string("a")} 000009`);
  assertEquals(toHex(payload).includes(toHex(end)), true);
});

Deno.test("ClientSession starts the handshake and sends nothing else before S0 S1 S2", () => {
  const sent: number[] = [];
  const session = new ClientSession({
    send: (bytes) => sent.push(bytes.length),
    onStarted() {},
    onMedia() {},
    onStatus() {},
    onStreamEof() {},
    onPong() {},
    onAcknowledgement() {},
  }, { target: PLAY, chunkSize: 60_000, handshake: FIXED_HANDSHAKE });
  session.start();
  assertEquals([sent, session.phase], [[1537], "handshake"]);
  session.push(SIMPLE_HANDSHAKE.subarray(0, 3072));
  assertEquals([sent, session.phase], [[1537, 1536], "handshake"]);
  session.push(SIMPLE_HANDSHAKE.subarray(3072));
  // C0 C1, C2, connect, Window Acknowledgement Size, Set Chunk Size, createStream.
  assertEquals([sent.length, session.phase], [6, "command"]);
});

/** Names of the commands sent: `@0 connect 1 …`. */
function commandsOf({ messages }: Taken): string[] {
  return messages.flatMap((line) => /^@\d+ (\w+)/.exec(line)?.[1] ?? []);
}

Deno.test("ClientSession sends createStream for a play before the answer to connect", () => {
  const player = new ServerPeer({ target: PLAY });
  assertEquals(commandsOf(player.take()), ["connect", "createStream"]);
  assertEquals(commandsOf(player.command(CONNECT_RESULT)), []);
  const publisher = new ServerPeer({ target: { ...PLAY, kind: "publish" } });
  assertEquals(
    commandsOf(publisher.take()),
    ["connect"],
    "encoders' servers are not tried like this",
  );
});

// Answers.

Deno.test("ClientSession ignores late results and results of other calls", () => {
  const server = new ServerPeer({ target: PLAY });
  server.take();
  assertEquals(server.command(streamResult(1), { ...CONNECT_RESULT, tid: 9 }), NOTHING);
  server.command(CONNECT_RESULT);
  assertEquals(server.command(CONNECT_RESULT, { name: "_result", tid: 2 }), NOTHING);
  server.command(streamResult(1));
  assertEquals(server.command(streamResult(7), { name: "_result", tid: 5 }), NOTHING);
});

Deno.test("ClientSession uses the message stream id from createStream", () => {
  const server = new ServerPeer({ target: PUBLISH });
  server.command(CONNECT_RESULT);
  assertEquals(server.command(streamResult(5)).messages, ["@5 publish 5 null show?token=1 live"]);
  assertEquals(server.command(status("NetStream.Publish.Start")).events[0], "started 5");
  server.session.stop();
  assertEquals(server.take().messages, [
    "@0 FCUnpublish 0 null show?token=1",
    "@0 deleteStream 0 null 5",
  ]);
});

Deno.test("ClientSession uses message stream 0 when the id is not a number", () => {
  const server = new ServerPeer({ target: PLAY });
  server.command(CONNECT_RESULT);
  assertEquals(server.command(streamResult(null)).messages[0], "@0 play 5 null show?token=1");
});

Deno.test("ClientSession starts a publish at the status", () => {
  const server = asked(PUBLISH);
  server.take();
  assertEquals(server.command(status("NetStream.Publish.Start")).events, [
    "started 1",
    "status NetStream.Publish.Start",
  ]);
  assertEquals(server.command(status("NetStream.Publish.Start")).events, [
    "status NetStream.Publish.Start",
  ]);
});

Deno.test("ClientSession starts a publish at a result, as some servers answer", () => {
  const server = asked(PUBLISH);
  server.take();
  assertEquals(server.command({ name: "_result", tid: 5 }).events, ["started 1"]);
});

Deno.test("ClientSession does not start a publish before it was requested", () => {
  const server = new ServerPeer({ target: PUBLISH });
  server.command(status("NetStream.Publish.Start"), CONNECT_RESULT);
  assertEquals(server.command({ name: "_result", tid: 5 }).events, []);
  assertEquals(server.session.phase, "command");
});

Deno.test("ClientSession ignores the answers to FMLE's commands", () => {
  const server = asked(PUBLISH);
  server.take();
  const commands = ["onFCPublish", "onBWDone", "_onbwcheck", "onUnknown"];
  assertEquals(server.command(...commands.map((name) => ({ name, tid: 7 }))), NOTHING);
});

Deno.test("ClientSession ignores refusals of releaseStream and FCPublish", () => {
  const server = asked(PUBLISH);
  const error = [null, amfObject({ level: "error", code: "NetConnection.Call.Failed" })];
  server.command(
    { name: "_error", tid: 2, values: error },
    { name: "_error", tid: 3, values: error },
    { name: "_error", tid: 99, values: error },
  );
  assertEquals(server.command(status("NetStream.Publish.Start")).events[0], "started 1");
});

const REFUSALS = [
  { what: "connect", tid: 1, phase: "command", server: () => new ServerPeer({ target: PLAY }) },
  {
    what: "createStream",
    tid: 4,
    phase: "command",
    server: () => {
      const server = new ServerPeer({ target: PLAY });
      server.command(CONNECT_RESULT);
      return server;
    },
  },
  { what: "play", tid: 5, phase: "play", server: () => asked(PLAY) },
  { what: "publish", tid: 5, phase: "publish", server: () => asked(PUBLISH) },
] as const;

for (const { what, tid, phase, server } of REFUSALS) {
  Deno.test(`ClientSession throws an UpstreamError for an _error to ${what}`, () => {
    const info = amfObject({ level: "error", code: "Some.Code", description: "No\nway" });
    const error = refusal(() => server().command({ name: "_error", tid, values: [null, info] }));
    const kind = phase === "publish" ? "publish" : "play";
    assertEquals([error.phase, error.statusCode], [phase, "Some.Code"]);
    assertEquals(error.message, `Origin refused to ${kind}: Some.Code, "No\\u{a}way"`);
  });

  Deno.test(`ClientSession throws an UpstreamError for an _error to ${what} without a reason`, () => {
    for (const values of [[], [null], [null, "no"], [null, amfObject({})]]) {
      const error = refusal(() => server().command({ name: "_error", tid, values }));
      assertEquals([error.phase, error.statusCode], [phase, ""]);
    }
  });
}

const ERROR_STATUSES = [
  { code: "NetStream.Play.StreamNotFound", at: () => asked(PLAY), phase: "play" },
  { code: "NetStream.Play.Failed", at: () => playing(), phase: "play" },
  { code: "NetStream.Publish.BadName", at: () => asked(PUBLISH), phase: "publish" },
  { code: "NetStream.Publish.Failed", at: () => publishing(), phase: "publish" },
  {
    // SRS sends redirects like this.
    code: "NetConnection.Connect.Rejected",
    at: () => new ServerPeer({ target: PLAY }),
    phase: "command",
  },
] as const;

for (const { code, at, phase } of ERROR_STATUSES) {
  Deno.test(`ClientSession throws an UpstreamError for the status ${code}`, () => {
    const error = refusal(() => at().command(status(code, "error")));
    assertEquals([error.phase, error.statusCode], [phase, code]);
  });
}

Deno.test("ClientSession throws an UpstreamError for close", () => {
  for (const server of [new ServerPeer({ target: PLAY }), playing(), publishing()]) {
    assertEquals(refusal(() => server.command({ name: "close" })).statusCode, "");
  }
});

// RTMP 302.

/** SRS 7.0's answer to a player of a stream on another origin, with the properties of `ex`. */
function redirectStatus(ex: string): Uint8Array {
  return hex(`
    ${string("onStatus")} 00 0000000000000000 05
    03
      ${text("level")} ${string("error")}
      ${text("code")} ${string("NetConnection.Connect.Rejected")}
      ${text("description")} ${string("RTMP 302 Redirect")}
      ${text("ex")} 03 ${ex} 000009
    000009`);
}

const CODE_302 = `${text("code")} 00 4072E00000000000`;
const REDIRECT = `${text("redirect")} ${string("rtmp://10.0.0.2:19351/live?vhost=v")}`;
const REDIRECT2 = `${text("redirect2")} ${string("rtmp://10.0.0.2:19351/live/other?vhost=v")}`;

const REDIRECTS = [
  {
    what: "redirect2, the full URL",
    ex: CODE_302 + REDIRECT + REDIRECT2,
    redirect: { tcUrl: "rtmp://10.0.0.2:19351/live/other?vhost=v", stream: "" },
  },
  {
    what: "redirect and the stream name without redirect2",
    ex: CODE_302 + REDIRECT,
    redirect: { tcUrl: "rtmp://10.0.0.2:19351/live?vhost=v", stream: "show?token=1" },
  },
  {
    what: "redirect when redirect2 is empty",
    ex: REDIRECT + `${text("redirect2")} ${string("")}`,
    redirect: { tcUrl: "rtmp://10.0.0.2:19351/live?vhost=v", stream: "show?token=1" },
  },
  { what: "nothing without either", ex: CODE_302, redirect: null },
  { what: "nothing when they are not text", ex: `${text("redirect2")} 01 01`, redirect: null },
];

for (const { what, ex, redirect } of REDIRECTS) {
  Deno.test(`ClientSession.push() reads from a 302 ${what}`, () => {
    for (const server of [asked(PLAY), asked(PUBLISH)]) {
      const error = refusal(() => server.message({ typeId: 20, msid: 0 }, redirectStatus(ex)));
      assertEquals(error.redirect, redirect);
      assertEquals(error.statusCode, "NetConnection.Connect.Rejected");
    }
  });
}

Deno.test("ClientSession.push() reads a 302 in an _error to connect", () => {
  const server = new ServerPeer({ target: PLAY });
  const ex = amfObject({ code: 302, redirect2: "rtmp://b/live/show" });
  const info = amfObject({ level: "error", code: "NetConnection.Connect.Rejected", ex });
  const error = refusal(() => server.command({ name: "_error", tid: 1, values: [null, info] }));
  assertEquals(error.redirect, { tcUrl: "rtmp://b/live/show", stream: "" });
  assertEquals([error.phase, error.message], [
    "command",
    'Origin redirects to "rtmp://b/live/show"',
  ]);
});

Deno.test("ClientSession.push() omits the parameters of a redirect in the error text", () => {
  const ex = REDIRECT2.replace(toHex(encodeUtf8("vhost=v")), toHex(encodeUtf8("k=abcde")));
  const server = asked(PLAY);
  const error = refusal(() => server.message({ typeId: 20, msid: 0 }, redirectStatus(ex)));
  assertEquals(error.redirect?.tcUrl, "rtmp://10.0.0.2:19351/live/other?k=abcde");
  assertEquals(error.message, 'Origin redirects to "rtmp://10.0.0.2:19351/live/other?…"');
});

Deno.test("ClientSession that only connects is started when accepted, and sends nothing else", () => {
  const server = new ServerPeer({ target: { ...PLAY, kind: "connect", streamName: "" } });
  server.take();
  assertEquals(server.command(CONNECT_RESULT), { messages: [], events: ["started 0"] });
  assertEquals(server.command(streamResult(1)), NOTHING);
  server.session.stop();
  assertEquals(server.take(), NOTHING);
});

Deno.test("ClientSession reports statuses that are not errors", () => {
  const server = playing();
  server.take();
  const codes = ["Reset", "Start", "UnpublishNotify", "PublishNotify", "Stop"];
  const statuses = codes.map((code) => status(`NetStream.Play.${code}`));
  assertEquals(
    server.command(...statuses).events,
    codes.map((code) => `status NetStream.Play.${code}`),
  );
});

Deno.test("ClientSession ignores an invalid status", () => {
  const server = asked(PLAY);
  server.take();
  const values = [[], [null], [null, "text"], [null, new AmfObject("object", new Map())]];
  assertEquals(
    server.command(...values.map((each) => ({ name: "onStatus", values: each }))),
    NOTHING,
  );
});

// Media.

Deno.test("ClientSession starts a play at the first message, announced or not", () => {
  const server = asked(PLAY);
  server.take();
  assertEquals(server.command(status("NetStream.Play.Start")).events, [
    "status NetStream.Play.Start",
  ]);
  assertEquals(sendVideo(server).events, ["started 1", "video 40 17"]);
  assertEquals(sendVideo(server).events, ["video 40 17"]);
  assertEquals(sendVideo(asked(PLAY)).events, ["started 1", "video 40 17"]);
});

Deno.test("ClientSession accepts media on any message stream", () => {
  assertEquals(sendVideo(asked(PLAY), 3).events, ["started 1", "video 40 17"]);
});

Deno.test("ClientSession ignores unrequested media", () => {
  assertEquals(sendVideo(new ServerPeer({ target: PLAY })).events, []);
  assertEquals(sendVideo(publishing()).events.includes("video 40 17"), false);
});

Deno.test("ClientSession drops data messages of the server itself", () => {
  const server = asked(PLAY);
  server.take();
  const own = ["|RtmpSampleAccess", "onStatus", "onPlayStatus"];
  for (const name of own) {
    assertEquals(server.message({ typeId: 18, msid: 1 }, hex(`${string(name)} 01 01`)), NOTHING);
  }
  const envelope = hex(`00 ${string("|RtmpSampleAccess")} 01 01 01 01`);
  assertEquals(server.message({ typeId: 15, msid: 1 }, envelope), NOTHING);
});

Deno.test("ClientSession passes on all other data", () => {
  const server = playing();
  server.take();
  const bodies = [string("onMetaData"), string("onStatusX"), "", "02", "02 00FF 61", "05"];
  for (const body of bodies) {
    const { events } = server.message({ typeId: 18, msid: 1 }, hex(body));
    assertEquals(events, [`data 0 ${toHex(hex(body))}`.trimEnd()]);
  }
});

Deno.test("ClientSession splits aggregates", () => {
  const server = playing();
  server.take();
  const aggregate = hex("09 000001 000000 00 000000 17 0000000C");
  assertEquals(server.message({ typeId: 22, timestampMs: 80, msid: 1 }, aggregate).events, [
    "video 80 17",
  ]);
});

// Control.

Deno.test("ClientSession answers pings and reports answers to its own", () => {
  const server = playing();
  server.take();
  server.push(hex("02 000000 000006 04 00000000 0006 0000002A"));
  server.session.ping(7);
  server.push(hex("02 000000 000006 04 00000000 0007 00000007"));
  assertEquals(server.take(), {
    messages: ["PingResponse 42", "PingRequest 7"],
    events: ["pong 7"],
  });
});

Deno.test("ClientSession acknowledges and reports acknowledgements", () => {
  const server = publishing();
  server.take();
  server.push(hex("02 000000 000004 05 00000000 00000014")); // window 20
  server.push(hex("02 000000 000004 03 00000000 00001000"));
  const { messages, events } = server.take();
  assertEquals(messages.map((line) => line.split(" ")[0]), ["Acknowledgement"]);
  assertEquals(events, ["acknowledged 4096"]);
});

/** StreamEOF of message stream 1. */
const STREAM_EOF = hex("02 000000 000006 04 00000000 0001 00000001");
const UNPUBLISHED = status("NetStream.Play.UnpublishNotify");

for (
  const { name, says, events } of [
    { name: "StreamEOF", says: [STREAM_EOF], events: ["end of stream"] },
    {
      name: "StreamEOF, then UnpublishNotify",
      says: [STREAM_EOF, UNPUBLISHED],
      events: ["end of stream", "status NetStream.Play.UnpublishNotify"],
    },
    {
      name: "UnpublishNotify, then StreamEOF",
      says: [UNPUBLISHED, STREAM_EOF],
      events: ["status NetStream.Play.UnpublishNotify"],
    },
  ]
) {
  Deno.test(`ClientSession reports each end of the stream at ${name}`, () => {
    const server = playing();
    server.take();
    for (let round = 0; round < 2; round++) {
      for (const each of says) {
        server.push(each instanceof Uint8Array ? each : server.encode(each));
      }
      assertEquals(sendVideo(server).events, [...events, "video 40 17"]);
    }
  });
}

Deno.test("ClientSession ignores StreamEOF of another stream, or before the stream starts", () => {
  const early = asked(PLAY);
  early.take();
  early.push(STREAM_EOF);
  assertEquals(early.take(), NOTHING);
  assertEquals(sendVideo(early).events, ["started 1", "video 40 17"]);
  early.push(hex("02 000000 000006 04 00000000 0001 00000002")); // for message stream 2
  early.push(hex("02 000000 000006 04 00000000 0002 00000001")); // StreamDry
  assertEquals(early.take(), NOTHING);
  const publisher = publishing();
  publisher.take();
  publisher.push(STREAM_EOF);
  assertEquals(publisher.take(), NOTHING);
});

Deno.test("ClientSession reports a StreamBegin in the running stream, and none before or of another", () => {
  const streamBegin = hex("02 000000 000006 04 00000000 0000 00000001");
  const early = asked(PLAY);
  early.take();
  early.push(streamBegin);
  assertEquals(early.take(), NOTHING);
  const server = playing();
  server.take();
  server.push(streamBegin);
  assertEquals(server.take().events, ["another source"]);
  server.push(hex("02 000000 000006 04 00000000 0000 00000002"));
  assertEquals(server.take(), NOTHING);
  server.push(STREAM_EOF);
  server.push(streamBegin);
  assertEquals(server.take().events, ["end of stream", "another source"]);
});

Deno.test("ClientSession ignores SetPeerBandwidth and unknown messages", () => {
  const server = playing();
  server.take();
  server.push(hex(`
    02 000000 000005 06 00000000 002625A0 02
    03 000000 000000 10 00000000`));
  assertEquals(server.take(), NOTHING);
});

Deno.test("ClientSession throws a WireError when the server violates the protocol", () => {
  assertThrows(
    // SetChunkSize 0.
    () => new ServerPeer({ target: PLAY }).push(hex("02 000000 000004 01 00000000 00000000")),
    WireError,
  );
});

Deno.test("ClientSession ignores commands that it cannot read", () => {
  const server = new ServerPeer({ target: PLAY });
  server.take();
  server.push(hex("03 000000 000001 14 00000000 FF"));
  server.push(hex("02 000000 000001 04 00000000 00"));
  assertEquals(server.take(), NOTHING);
});

// Ends.

Deno.test("ClientSession.stop() ends a publish like FMLE", () => {
  for (const server of [asked(PUBLISH), publishing()]) {
    server.take();
    server.session.stop();
    assertEquals(server.take().messages, [
      "@0 FCUnpublish 0 null show?token=1",
      "@0 deleteStream 0 null 1",
    ]);
  }
});

Deno.test("ClientSession.stop() ends a play with deleteStream only", () => {
  for (const server of [asked(PLAY), playing()]) {
    server.take();
    server.session.stop();
    assertEquals(server.take().messages, ["@0 deleteStream 0 null 1"]);
  }
});

Deno.test("ClientSession.stop() sends nothing when no stream was requested", () => {
  const server = new ServerPeer({ target: PUBLISH });
  server.command(CONNECT_RESULT);
  server.session.stop();
  assertEquals(server.take(), NOTHING);
});

// Recorded servers.

Deno.test("ClientSession does not start at nginx-rtmp's Play.Start, for every split", () => {
  const taken = feedAtEverySplit(NGINX_PLAY_ANSWER, (chunks) => {
    const server = new ServerPeer({ target: PLAY });
    for (const chunk of chunks) server.push(chunk);
    return server.take();
  });
  assertEquals(taken.messages.slice(3), [
    "@0 createStream 4 null",
    "@1 play 5 null show?token=1",
    "SetBufferLength 1 1000",
  ]);
  assertEquals(taken.events, ["status NetStream.Play.Start"]);
});

Deno.test("ClientSession reads nginx-rtmp's refusal, for every split", () => {
  const outcome = feedAtEverySplit(NGINX_PLAY_REFUSAL, (chunks) => {
    const server = new ServerPeer({ target: PLAY });
    const { phase, message } = refusal(() => chunks.forEach((chunk) => server.push(chunk)));
    return { phase, message };
  });
  assertEquals(outcome, {
    phase: "play",
    message: 'Origin refused to play: NetStream.Play.StreamNotFound, "No such stream"',
  });
});

Deno.test("ClientSession throws only WireError and UpstreamError for damaged answers", () => {
  let state = 1;
  const random = (limit: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % limit;
  };
  for (let round = 0; round < 300; round++) {
    const damaged = NGINX_PLAY_ANSWER.slice();
    for (let count = 0; count < 3; count++) damaged[random(damaged.length)] = random(256);
    const server = new ServerPeer({ target: PLAY });
    try {
      server.push(damaged);
    } catch (error) {
      if (!(error instanceof WireError || error instanceof UpstreamError)) throw error;
    }
  }
});
