/** Playing: start, pause, end. */

import { assertEquals } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import {
  ClientPeer,
  type CommandLine,
  CREATE_STREAM,
  PLAY,
  toHex,
} from "../helpers/session_peer.ts";

/** `|RtmpSampleAccess`, true, true. */
const SAMPLE_ACCESS = "02 0011 7C52746D7053616D706C65416363657373 0101 0101".replaceAll(" ", "");

const STARTED = [
  "StreamBegin 1",
  "@1 onStatus NetStream.Play.Reset",
  "@1 onStatus NetStream.Play.Start",
  `@1 data 0 ${SAMPLE_ACCESS}`,
];

const NOT_FOUND = { code: "NetStream.Play.StreamNotFound", description: "No publisher" };

const NOTHING = { messages: [], events: [] };

function pause(isPaused: boolean): CommandLine {
  return { name: "pause", values: [null, isPaused, 40], msid: 1 };
}

Deno.test("ServerSession announces a play in SRS's order", () => {
  const peer = new ClientPeer().connected();
  const { messages, events } = peer.command(CREATE_STREAM, PLAY);
  assertEquals(messages, ["@0 _result 2 null 1", ...STARTED]);
  assertEquals(events, ["play show"]);
});

Deno.test("ServerSession sends the status of a play that clients expect", () => {
  const { payload } = new ClientPeer().playing().messages.at(-2)!;
  assertEquals(
    toHex(payload),
    toHex(hex(`
      02 0008 6F6E537461747573 00 0000000000000000 05           // onStatus, 0, null
      03
        0005 6C6576656C 02 0006 737461747573                    // level: status
        0004 636F6465 02 0014 4E657453747265616D2E506C61792E5374617274
        000B 6465736372697074696F6E 02 0016 5374617274656420706C6179696E672073747265616D
        0007 64657461696C73 02 0006 73747265616D                // details: stream
        0008 636C69656E746964 02 0008 4153414943697373          // clientid: ASAICiss
      000009`)),
  );
});

Deno.test("ServerSession accepts play without createStream, with arguments and parameters", () => {
  const play = { ...PLAY, values: [null, "show?token=1", -2000, -1, true], msid: 0 };
  const { messages, events } = new ClientPeer().connected().command(play);
  assertEquals({ messages, events }, { messages: STARTED, events: ["play show?token=1"] });
});

Deno.test("ServerSession announces nothing before the play is accepted", () => {
  const peer = new ClientPeer({ defers: ["play"] }).connected();
  assertEquals(peer.command(PLAY), { messages: [], events: ["play show"] });
  assertEquals(peer.session.acceptPlay(peer.requestId), true);
  assertEquals(peer.take().messages, STARTED);
  assertEquals(peer.session.acceptPlay(peer.requestId), false);
});

Deno.test("ServerSession sends the reason of a refused play and accepts another play", () => {
  const peer = new ClientPeer({ defers: ["play"] }).playing();
  assertEquals(peer.reject(NOT_FOUND).messages, [
    "@1 onStatus error NetStream.Play.StreamNotFound",
  ]);
  assertEquals(peer.session.acceptPlay(peer.requestId), false);
  peer.command(PLAY);
  assertEquals(peer.session.acceptPlay(peer.requestId), true);
});

Deno.test("ServerSession refuses a play without a stream name with a status", () => {
  assertEquals(new ClientPeer().connected().command({ ...PLAY, values: [null] }), {
    messages: ["@1 onStatus error NetStream.Play.Failed"],
    events: ["refused NetStream.Play.Failed"],
  });
});

Deno.test("ServerSession refuses a play on another message stream than the given one", () => {
  assertEquals(new ClientPeer().connected().command({ ...PLAY, msid: 5 }), {
    messages: ["@5 onStatus error NetStream.Play.Failed"],
    events: [
      "ignored play on message stream 5: " +
      "Players get media on message stream 1, which createStream gives",
    ],
  });
});

Deno.test("ServerSession pauses and resumes", () => {
  const peer = new ClientPeer().playing();
  assertEquals(peer.command(pause(true)), {
    messages: ["@1 onStatus NetStream.Pause.Notify", "StreamEOF 1"],
    events: ["pause"],
  });
  assertEquals(peer.command(pause(false)), {
    messages: ["@1 onStatus NetStream.Unpause.Notify", "StreamBegin 1"],
    events: ["unpause"],
  });
});

Deno.test("ServerSession ignores a pause without a play", () => {
  const waiting = new ClientPeer({ defers: ["play"] }).playing();
  for (const peer of [new ClientPeer().connected(), new ClientPeer().publishing(), waiting]) {
    assertEquals(peer.command(pause(true)), NOTHING);
  }
  assertEquals(new ClientPeer().playing().command({ ...pause(true), msid: 2 }), NOTHING);
});

Deno.test("ServerSession ignores a pause that does not say whether it pauses", () => {
  assertEquals(new ClientPeer().playing().command({ ...pause(true), values: [null] }), NOTHING);
});

Deno.test("ServerSession answers seek, which ffmpeg and mpv wait for", () => {
  const seek = { name: "seek", values: [null, 5000], msid: 1 };
  assertEquals(new ClientPeer().playing().command(seek), {
    messages: ["@1 onStatus NetStream.Seek.Notify"],
    events: [],
  });
  assertEquals(new ClientPeer().connected().command(seek), NOTHING);
});

Deno.test("ServerSession says that it does not support play2 and pauseRaw", () => {
  const peer = new ClientPeer().playing();
  for (const name of ["play2", "pauseRaw"]) {
    assertEquals(peer.command({ name, tid: 7, msid: 1 }).messages, [
      "@0 _error 7 null error NetConnection.Call.Failed",
    ]);
  }
  assertEquals(peer.command({ name: "play2", msid: 1 }).messages, [
    "@1 onStatus error NetStream.Play.Failed",
  ]);
  // Flash sends it next to each pause.
  assertEquals(peer.command({ name: "pauseRaw", values: [null, true, 0], msid: 1 }), NOTHING);
});

Deno.test("ServerSession reports what the player refuses, and answers when it wants it again", () => {
  const receive = (name: string, isWanted: unknown) => ({
    name,
    values: [null, isWanted as boolean],
    msid: 1,
  });
  const peer = new ClientPeer().playing();
  assertEquals(peer.command(receive("receiveAudio", true)), NOTHING);
  assertEquals(peer.command(receive("receiveVideo", 0)), NOTHING);
  assertEquals(peer.command(receive("receiveVideo", false)), {
    messages: [],
    events: ["receive video false"],
  });
  assertEquals(peer.command(receive("receiveVideo", false)), NOTHING);
  assertEquals(peer.command(receive("receiveVideo", true)), {
    messages: ["@1 onStatus NetStream.Seek.Notify", "@1 onStatus NetStream.Play.Start"],
    events: ["receive video true"],
  });
});

Deno.test("ServerSession.unwantedTracks has what the player refused before its play started", () => {
  const peer = new ClientPeer({ defers: ["play"] }).connected();
  const refuse = { name: "receiveAudio", values: [null, false], msid: 1 };
  assertEquals(peer.command(CREATE_STREAM, refuse, PLAY).events, ["play show"]);
  assertEquals(peer.session.unwantedTracks, ["audio"]);
  peer.command({ name: "closeStream", msid: 1 });
  assertEquals(peer.session.unwantedTracks, []);
});

const ENDS: readonly CommandLine[] = [
  { name: "closeStream", msid: 1 },
  { name: "deleteStream", values: [null, 1] },
  { ...PLAY, values: [null, false] },
];

for (const end of ENDS) {
  Deno.test(`ServerSession ends a play, accepted or not, at ${end.name}`, () => {
    assertEquals(new ClientPeer().playing().command(end), { messages: [], events: ["closed"] });
    const waiting = new ClientPeer({ defers: ["play"] }).playing();
    assertEquals(waiting.command(end), { messages: [], events: ["closed"] });
    assertEquals(waiting.session.acceptPlay(waiting.requestId), false);
    assertEquals(waiting.reject(NOT_FOUND), NOTHING);
  });
}

Deno.test("ServerSession accepts another play, with or without an end of the first", () => {
  const peer = new ClientPeer().playing();
  const other = { ...PLAY, values: [null, "other"] };
  assertEquals(peer.command(other), { messages: STARTED, events: ["closed", "play other"] });
  assertEquals(peer.command({ name: "closeStream", msid: 1 }, PLAY), {
    messages: STARTED,
    events: ["closed", "play show"],
  });
});

Deno.test("ServerSession does not end a play at FCUnpublish", () => {
  const unpublish = { name: "FCUnpublish", tid: 4, values: [null, "show"] };
  assertEquals(new ClientPeer().playing().command(unpublish), {
    messages: ["@0 _result 4 null undefined"],
    events: [],
  });
});

Deno.test("ServerSession.end() of a publish does not affect a player", () => {
  const peer = new ClientPeer().playing();
  peer.session.end("publishing", NOT_FOUND);
  assertEquals(peer.take(), NOTHING);
});

Deno.test("ServerSession.ping() requests a pong and reports it", () => {
  const peer = new ClientPeer().playing();
  peer.session.ping(0xffff_ffff);
  assertEquals(peer.take().messages, ["PingRequest 4294967295"]);
  peer.push(hex("02 000000 000006 04 00000000 0007 FFFFFFFF"));
  assertEquals(peer.take().events, ["pong 4294967295"]);
});

Deno.test("ServerSession reports acknowledgements, and each kind of ignored message once", () => {
  const peer = new ClientPeer().playing();
  peer.push(hex("02 000000 000004 03 00000000 00000064"));
  peer.push(hex("03 000000 000000 10 00000000  03 000000 000000 10 00000000"));
  assertEquals(peer.take(), {
    messages: [],
    events: ["acknowledged 100", "ignored message type 16"],
  });
});

Deno.test("ServerSession ignores SetBufferLength, SetPeerBandwidth and unknown events", () => {
  const peer = new ClientPeer().playing();
  peer.push(hex(`
    02 000000 00000A 04 00000000 0003 00000001 000003E8
    02 000000 000005 06 00000000 002625A0 02
    02 000000 000006 04 00000000 0020 00000001`));
  assertEquals(peer.take(), NOTHING);
});
