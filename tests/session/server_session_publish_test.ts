/** Publishing in every dialect: start, media, end. */

import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  ClientPeer,
  type CommandLine,
  CONNECT,
  CREATE_STREAM,
  PLAY,
  PUBLISH,
} from "../helpers/session_peer.ts";

const RELEASE_STREAM: CommandLine = { name: "releaseStream", tid: 2, values: [null, "show"] };
const FC_PUBLISH: CommandLine = { name: "FCPublish", tid: 3, values: [null, "show"] };
const FC_UNPUBLISH: CommandLine = { name: "FCUnpublish", tid: 6, values: [null, "show"] };
const CLOSE_STREAM: CommandLine = { name: "closeStream", msid: 1 };
const DELETE_STREAM: CommandLine = { name: "deleteStream", values: [null, 1] };

/** The commands of FMLE, which ffmpeg and librtmp also send. */
const FMLE = [RELEASE_STREAM, FC_PUBLISH, { ...CREATE_STREAM, tid: 4 }, { ...PUBLISH, tid: 5 }];

const UNPUBLISHED = [
  "@1 onFCUnpublish NetStream.Unpublish.Success",
  "@0 _result 6 null undefined",
  "@1 onStatus NetStream.Unpublish.Success",
];

const BAD_NAME = { code: "NetStream.Publish.BadName", description: "Taken" };

const NOTHING = { messages: [], events: [] };

/** The effects of a video message with the given byte on the message stream. */
function sendVideo(peer: ClientPeer, digits: string, msid = 1) {
  return peer.message({ typeId: 9, timestampMs: 40, msid }, hex(digits));
}

function fmlePublishing(): ClientPeer {
  const peer = new ClientPeer().connected();
  peer.command(...FMLE);
  return peer;
}

const DIALECTS: readonly {
  readonly name: string;
  readonly commands: readonly CommandLine[];
  readonly messages: readonly string[];
}[] = [
  {
    name: "FMLE",
    commands: FMLE,
    messages: [
      "@0 _result 2 null undefined",
      "@0 _result 3 null undefined",
      "@0 _result 4 null 1",
      "@1 onFCPublish NetStream.Publish.Start",
      "@1 onStatus NetStream.Publish.Start",
    ],
  },
  {
    name: "Haivision",
    commands: [CREATE_STREAM, FC_PUBLISH, { ...PUBLISH, tid: 4 }],
    messages: [
      "@0 _result 2 null 1",
      "@0 _result 3 null undefined",
      "@1 onFCPublish NetStream.Publish.Start",
      "@1 onStatus NetStream.Publish.Start",
    ],
  },
  {
    name: "Flash",
    commands: [CREATE_STREAM, PUBLISH],
    messages: ["@0 _result 2 null 1", "@1 onStatus NetStream.Publish.Start"],
  },
  {
    name: "IP cameras (FCPublish after publish)",
    commands: [CREATE_STREAM, PUBLISH, { ...FC_PUBLISH, tid: 4 }],
    messages: [
      "@0 _result 2 null 1",
      "@1 onStatus NetStream.Publish.Start",
      "@0 _result 4 null undefined",
    ],
  },
  {
    name: "Flash, after an FCUnpublish of another stream",
    commands: [FC_UNPUBLISH, CREATE_STREAM, PUBLISH],
    messages: [
      "@0 _result 6 null undefined",
      "@0 _result 2 null 1",
      "@1 onStatus NetStream.Publish.Start",
    ],
  },
  {
    name: "clients without createStream",
    commands: [{ ...PUBLISH, msid: 0 }],
    messages: ["@1 onStatus NetStream.Publish.Start"],
  },
];

for (const { name, commands, messages } of DIALECTS) {
  Deno.test(`ServerSession accepts a publish in the dialect of ${name}`, () => {
    const peer = new ClientPeer().connected();
    assertEquals(peer.command(...commands), { messages, events: ["publish show"] });
    assertEquals(sendVideo(peer, "17").events, ["video 40 17"]);
  });
}

Deno.test("ServerSession keeps the parameters of a stream name", () => {
  const publish = { ...PUBLISH, values: [null, "show?token=a&b=c", "live"] };
  const { events } = new ClientPeer().connected().command(publish);
  assertEquals(events, ["publish show?token=a&b=c"]);
});

Deno.test("ServerSession reports an empty stream name, which the app may complete", () => {
  const publish = { ...PUBLISH, values: [null, ""] };
  assertEquals(new ClientPeer().connected().command(publish).events, ["publish "]);
});

Deno.test("ServerSession refuses a publish without a stream name with a status", () => {
  for (const values of [[null], [null, null], [null, 5], []]) {
    assertEquals(new ClientPeer().connected().command({ ...PUBLISH, values }), {
      messages: ["@1 onStatus error NetStream.Publish.Failed"],
      events: ["refused NetStream.Publish.Failed"],
    });
  }
});

Deno.test("ServerSession accepts a publish with unreadable arguments behind its name", () => {
  // publish, 0, null, "a", AMF3
  const body = hex("02 0007 7075626C697368 00 0000000000000000 05 02 0001 61 11 0A");
  const { events } = new ClientPeer().connected().message({ typeId: 20, msid: 1 }, body);
  assertEquals(events.slice(1), ["publish a"]);
});

Deno.test("ServerSession announces nothing before the publish is accepted", () => {
  const peer = new ClientPeer({ defers: ["publish"] }).connected();
  const { messages } = peer.command(...FMLE);
  assertEquals(messages.length, 3);
  assertEquals(peer.session.acceptPublish(peer.requestId), true);
  assertEquals(peer.take().messages, [
    "@1 onFCPublish NetStream.Publish.Start",
    "@1 onStatus NetStream.Publish.Start",
  ]);
});

Deno.test("ServerSession sends the reason of a refused publish and drops its media", () => {
  const peer = new ClientPeer({ defers: ["publish"] }).connected();
  peer.command(...FMLE);
  sendVideo(peer, "17");
  assertEquals(peer.reject(BAD_NAME), {
    messages: ["@1 onStatus error NetStream.Publish.BadName"],
    events: [],
  });
  assertEquals(sendVideo(peer, "17"), NOTHING);
  assertEquals(peer.session.acceptPublish(peer.requestId), false);
});

Deno.test("ServerSession accepts another publish after a refused one", () => {
  const peer = new ClientPeer({ defers: ["publish"] }).connected();
  peer.command(CREATE_STREAM, PUBLISH);
  peer.reject(BAD_NAME);
  assertEquals(peer.command(PUBLISH).events, ["publish show"]);
  peer.session.acceptPublish(peer.requestId);
  assertEquals(peer.take().messages, ["@1 onStatus NetStream.Publish.Start"]);
});

// Media.

Deno.test("ServerSession passes on audio, video and data of the publish", () => {
  const peer = new ClientPeer().publishing();
  peer.message({ typeId: 8, timestampMs: 1, msid: 1 }, hex("AF00"));
  peer.message({ typeId: 9, timestampMs: 0xffff_ffff, msid: 1 }, hex("17"));
  const data = peer.message({ typeId: 15, timestampMs: 3, msid: 1 }, hex("00 02 0001 61"));
  assertEquals(data.events, ["data 3 02000161"]);
});

Deno.test("ServerSession accepts media on message stream 0, from clients without createStream", () => {
  assertEquals(sendVideo(new ClientPeer().publishing(), "17", 0).events, ["video 40 17"]);
});

/** 1 in the wrong byte order, as c-bata/rtmp writes it, and ids that no one gave. */
const OTHER_MSIDS = [0x0100_0000, 5, 0xffff_ffff];

Deno.test("ServerSession takes media on another message stream id than the given one", () => {
  for (const msid of OTHER_MSIDS) {
    const peer = new ClientPeer().publishing();
    assertEquals(sendVideo(peer, "17", msid), { messages: [], events: ["video 40 17"] });
    // The same in an aggregate: type 9, 1 byte, timestamp 0, back pointer 12.
    const aggregate = hex("09 000001 000000 00 000000 18 0000000C");
    assertEquals(peer.message({ typeId: 22, msid }, aggregate).events, ["video 0 18"]);
  }
});

Deno.test("ServerSession keeps early media on another message stream id", () => {
  for (const msid of OTHER_MSIDS) {
    const peer = new ClientPeer({ defers: ["publish"] }).publishing();
    sendVideo(peer, "1700", msid);
    peer.session.acceptPublish(peer.requestId);
    assertEquals(sendVideo(peer, "27", msid).events, ["video 40 1700", "video 40 27"]);
  }
});

Deno.test("ServerSession publishes on another message stream id, where its statuses go, too", () => {
  for (const msid of OTHER_MSIDS) {
    const peer = new ClientPeer().connected();
    assertEquals(peer.command({ ...PUBLISH, msid }), {
      messages: [`@${msid} onStatus NetStream.Publish.Start`],
      events: ["publish show"],
    });
    assertEquals(sendVideo(peer, "17", msid).events, ["video 40 17"]);
    assertEquals(peer.command({ ...CLOSE_STREAM, msid }).events, ["closed"]);
  }
});

Deno.test("ServerSession drops media of a second publish, which was refused, and reports it once", () => {
  const peer = new ClientPeer().publishing();
  peer.command({ ...PUBLISH, msid: 2 });
  assertEquals(sendVideo(peer, "17", 2), {
    messages: [],
    events: ["ignored media on message stream 2, whose publish was refused"],
  });
  assertEquals(sendVideo(peer, "17", 2), NOTHING);
  assertEquals(sendVideo(peer, "18", 1).events, ["video 40 18"]);
});

Deno.test("ServerSession drops media of a client that does not publish", () => {
  assertEquals(sendVideo(new ClientPeer().connected(), "17"), NOTHING);
  assertEquals(sendVideo(new ClientPeer().playing(), "17"), NOTHING);
  const waiting = new ClientPeer({ defers: ["play"] }).playing();
  sendVideo(waiting, "17");
  waiting.session.acceptPlay(waiting.requestId);
  assertEquals(waiting.take().events, []);
});

Deno.test("ServerSession keeps the headers of a publisher that does not wait for the answer", () => {
  const peer = new ClientPeer({ defers: ["publish"] }).publishing();
  assertEquals(sendVideo(peer, "1700"), NOTHING);
  assertEquals(sendVideo(peer, "1701"), NOTHING);
  peer.session.acceptPublish(peer.requestId);
  assertEquals(peer.take().events, []);
  assertEquals(sendVideo(peer, "27").events, ["video 40 1700", "video 40 1701", "video 40 27"]);
  assertEquals(sendVideo(peer, "28").events, ["video 40 28"]);
});

Deno.test("ServerSession drops early media of a withdrawn publish", () => {
  const peer = new ClientPeer({ defers: ["publish"] }).publishing();
  sendVideo(peer, "17");
  peer.command(PUBLISH);
  peer.session.acceptPublish(peer.requestId);
  assertEquals(sendVideo(peer, "27").events, ["video 40 27"]);
});

// Ends.

const ENDS: readonly {
  readonly command: CommandLine;
  readonly messages: readonly string[];
}[] = [
  { command: FC_UNPUBLISH, messages: UNPUBLISHED },
  { command: CLOSE_STREAM, messages: [] },
  { command: DELETE_STREAM, messages: [] },
  { command: { ...PUBLISH, values: [null, false] }, messages: [] },
];

for (const { command, messages } of ENDS) {
  for (const dialect of ["FMLE", "Flash"]) {
    Deno.test(`ServerSession ends a ${dialect} publish at ${command.name}`, () => {
      const peer = dialect === "FMLE" ? fmlePublishing() : new ClientPeer().publishing();
      assertEquals(peer.command(command), { messages, events: ["closed"] });
      assertEquals(sendVideo(peer, "17"), NOTHING);
    });
  }
}

Deno.test("ServerSession ends a publish once when FCUnpublish and deleteStream are sent", () => {
  const peer = fmlePublishing();
  assertEquals(peer.command(FC_UNPUBLISH, DELETE_STREAM).events, ["closed"]);
});

Deno.test("ServerSession ends an FMLE publish when the encoder restarts", () => {
  for (const command of [RELEASE_STREAM, FC_PUBLISH]) {
    const peer = fmlePublishing();
    const { messages, events } = peer.command({ ...command, tid: 6 });
    assertEquals({ messages, events }, { messages: UNPUBLISHED, events: ["closed"] });
  }
});

Deno.test("ServerSession does not end a Flash publish at FCPublish and releaseStream", () => {
  const peer = new ClientPeer().publishing();
  assertEquals(peer.command(FC_PUBLISH, RELEASE_STREAM), {
    messages: ["@0 _result 3 null undefined", "@0 _result 2 null undefined"],
    events: [],
  });
  assertEquals(sendVideo(peer, "17").events, ["video 40 17"]);
});

Deno.test("ServerSession does not end a publish at the end of another stream", () => {
  const peer = new ClientPeer().publishing();
  const others = [
    { ...DELETE_STREAM, values: [null, 2] },
    { ...DELETE_STREAM, values: [null] },
    { ...CLOSE_STREAM, msid: 2 },
  ];
  assertEquals(peer.command(...others), NOTHING);
  assertEquals(sendVideo(peer, "17").events, ["video 40 17"]);
});

for (const command of [FC_UNPUBLISH, CLOSE_STREAM, DELETE_STREAM]) {
  Deno.test(`ServerSession treats ${command.name} as the withdrawal of an undecided publish`, () => {
    const peer = new ClientPeer({ defers: ["publish"] }).publishing();
    const { messages, events } = peer.command(command);
    assertEquals(events, ["closed"]);
    // Nothing was announced, so no end is announced.
    assertEquals(messages, command === FC_UNPUBLISH ? ["@0 _result 6 null undefined"] : []);
    assertEquals(peer.session.acceptPublish(peer.requestId), false);
    assertEquals(peer.take(), NOTHING);
    assertEquals(peer.reject(BAD_NAME), NOTHING);
  });
}

Deno.test("ServerSession.end() informs the publisher and drops further media", () => {
  const peer = new ClientPeer().publishing();
  peer.session.end("publishing", { code: "NetStream.Publish.Failed", description: "Gone" });
  assertEquals(peer.take(), {
    messages: ["@1 onStatus error NetStream.Publish.Failed"],
    events: [],
  });
  assertEquals(sendVideo(peer, "17"), NOTHING);
  peer.session.end("publishing", BAD_NAME);
  assertEquals(peer.take(), NOTHING);
});

// Again on the same connection.

Deno.test("ServerSession accepts another publish on the same connection", () => {
  const peer = fmlePublishing();
  peer.command(FC_UNPUBLISH, DELETE_STREAM);
  const { messages, events } = peer.command(...FMLE);
  assertEquals(messages, DIALECTS[0]!.messages);
  assertEquals(events, ["publish show"]);
});

Deno.test("ServerSession ends the current publish when another one starts", () => {
  const peer = new ClientPeer().publishing();
  const { messages, events } = peer.command({ ...PUBLISH, values: [null, "other"] });
  assertEquals(messages, ["@1 onStatus NetStream.Publish.Start"]);
  assertEquals(events, ["closed", "publish other"]);
});

Deno.test("ServerSession lets a player become a publisher and the reverse", () => {
  const peer = new ClientPeer().playing();
  assertEquals(peer.command(CLOSE_STREAM, PUBLISH).events, ["closed", "publish show"]);
  assertEquals(peer.command(PLAY).events, ["closed", "play show"]);
});

Deno.test("ServerSession ignores the acceptance of an earlier request", () => {
  const peer = new ClientPeer({ defers: ["publish"] }).publishing();
  const first = peer.requestId;
  peer.command({ ...PUBLISH, values: [null, "other"] });
  assertEquals(peer.session.acceptPublish(first), false);
  assertEquals(peer.reject(BAD_NAME, first), NOTHING);
  assertEquals(peer.session.acceptPublish(peer.requestId), true);
});

Deno.test("ServerSession does not accept a play by acceptPublish()", () => {
  const peer = new ClientPeer({ defers: ["publish", "play"] }).publishing();
  assertEquals(peer.session.acceptPlay(peer.requestId), false);
  peer.command(PLAY);
  assertEquals(peer.session.acceptPublish(peer.requestId), false);
  assertEquals(peer.take().messages, []);
});

// Message stream ids.

Deno.test("ServerSession answers createStream with 1 until the stream is used", () => {
  const { messages } = new ClientPeer().connected().command(
    CREATE_STREAM,
    { ...CREATE_STREAM, tid: 3 },
  );
  assertEquals(messages, ["@0 _result 2 null 1", "@0 _result 3 null 1"]);
});

Deno.test("ServerSession refuses a second stream while one is in use", () => {
  for (const peer of [new ClientPeer().publishing(), new ClientPeer().playing()]) {
    assertEquals(peer.command({ ...CREATE_STREAM, tid: 4 }).messages, ["@0 _result 4 null 2"]);
    assertEquals(peer.command({ ...PUBLISH, msid: 2 }, { ...PLAY, msid: 2 }), {
      messages: [
        "@2 onStatus error NetStream.Publish.Failed",
        "@2 onStatus error NetStream.Play.Failed",
      ],
      // Once per connection.
      events: [
        "ignored publish on message stream 2: " +
        "One stream per connection: open a second connection for another one",
      ],
    });
  }
});

Deno.test("ServerSession answers createStream with 1 again after the stream has ended", () => {
  const peer = new ClientPeer().publishing();
  const { messages } = peer.command(DELETE_STREAM, { ...CREATE_STREAM, tid: 5 });
  assertEquals(messages, ["@0 _result 5 null 1"]);
});

// Other commands.

Deno.test("ServerSession answers unknown commands that request an answer", () => {
  const { messages, events } = new ClientPeer().connected().command(
    { name: "_checkbw", tid: 2 },
    { name: "FCSubscribe", tid: 3, values: [null, "show"] },
    { name: "setPlaylist", tid: 0 },
    { name: "", tid: Number.NaN },
    { name: "setClientInfo", tid: 4 },
  );
  assertEquals(messages, [2, 3, 4].map((tid) => `@0 _result ${tid} null null`));
  // Once, without the first two, which common clients send.
  assertEquals(events, ['ignored unknown command "setPlaylist"']);
});

Deno.test("ServerSession answers getStreamLength with a number, which ffmpeg expects", () => {
  const length = { name: "getStreamLength", tid: 3, values: [null, "show"] };
  assertEquals(new ClientPeer().connected().command(length).messages, ["@0 _result 3 null 0"]);
});

Deno.test("ServerSession does not answer answers of the client", () => {
  const peer = new ClientPeer().connected();
  const answers = ["_result", "_error", "onStatus"].map((name) => ({ name, tid: 2 }));
  assertEquals(peer.command(...answers), NOTHING);
});

Deno.test("ServerSession accepts commands in AMF3 envelopes", () => {
  const peer = new ClientPeer().connected();
  // publish, 0, null, "a"
  const publish = hex("00 02 0007 7075626C697368 00 0000000000000000 05 02 0001 61");
  assertEquals(peer.message({ typeId: 17, msid: 1 }, publish).events, ["publish a"]);
});

Deno.test("ServerSession accepts a command without a transaction id", () => {
  const peer = new ClientPeer().connected();
  const body = hex("02 0009 5F636865636B 627778"); // only "_checkbwx"
  assertEquals(peer.message({ typeId: 20 }, body), {
    messages: [],
    events: ['ignored unknown command "_checkbwx"'],
  });
});

Deno.test("ServerSession reads chunks of the size that the client announced", () => {
  const peer = new ClientPeer();
  peer.push(hex("02 000000 000004 01 00000000 00000005"));
  peer.chunkSize = 5;
  assertEquals(peer.command(CONNECT, CREATE_STREAM, PUBLISH).events, [
    "connect live rtmp://server/live",
    "publish show",
  ]);
});
