/** Clients of a server, from the first byte to the last. */

import { concatBytes, encodeUtf8 } from "../../lib/base/bytes.ts";
import { encodePingRequest, encodePingResponse } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { hex } from "../helpers/hex.ts";
import { AVC_HEADER, interFrame, keyframe, SET_METADATA } from "../helpers/media.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { commandsIn } from "../helpers/wire_message.ts";
import { type Client, ServerRig } from "./rig.ts";

const VIDEO = 9;
const DATA = 18;

/** Statuses and events that a player gets before the stream. */
const STARTED = ["StreamBegin", "NetStream.Play.Reset", "NetStream.Play.Start"];

// Playing.

Deno.test("Connection holds a player until the stream is published, then starts it", async () => {
  const rig = new ServerRig();
  const player = await rig.play();
  await rig.advance(10_000);
  assertEquals(player.words, []);
  assertEquals(rig.server.counts, { connections: 1, players: 1, publishers: 0 });
  const publisher = await rig.publish();
  assertEquals(publisher.words, ["NetStream.Publish.Start"]);
  assertEquals(player.words, STARTED);
  publisher.push(VIDEO, 0, AVC_HEADER);
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.advance(350);
  assertEquals(player.videos, [AVC_HEADER, keyframe(1)]);
  assertEquals(rig.server.counts, { connections: 2, players: 1, publishers: 1 });
  assertEquals(rig.warnings, []);
  await rig.stop();
});

Deno.test("Connection starts a player of a live stream at once, without waiting for the wheel", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.push(DATA, 0, SET_METADATA);
  publisher.push(VIDEO, 0, AVC_HEADER);
  publisher.push(VIDEO, 0, keyframe(1));
  publisher.push(VIDEO, 40, interFrame(2));
  await rig.settle();
  const nowMs = rig.clock.now();
  const player = await rig.play();
  assertEquals(player.words, [...STARTED, "video", "video", "video"]);
  assertEquals(player.videos, [AVC_HEADER, keyframe(1), interFrame(2)]);
  assertEquals(rig.clock.now(), nowMs);
  await rig.stop();
});

Deno.test("Connection refuses a player with StreamNotFound after play_wait, and closes it", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { play { play_wait 5s; } }");
  const player = await rig.play();
  await rig.advance(4_000);
  assertEquals(player.words, []);
  await rig.advance(1_000);
  assertEquals(player.words, ["NetStream.Play.StreamNotFound"]);
  assertEquals(player.isEnded, false);
  await rig.advance(2_000);
  assertEquals(player.isEnded, true);
  assertEquals(rig.warnings, []);
  assertEquals(rig.linesOf('Client refused: Stream "live/show" is not live').length, 1);
  await rig.stop();
});

Deno.test("Connection keeps a player whose publisher left, and resumes with the next one", async () => {
  const rig = new ServerRig();
  const first = await rig.publish();
  first.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const player = await rig.play();
  first.transport.close();
  await rig.advance(20_000);
  const second = await rig.publish();
  second.push(VIDEO, 0, keyframe(2));
  await rig.advance(350);
  assertEquals(player.words, [
    ...[...STARTED, "video", "NetStream.Play.UnpublishNotify", "StreamEOF"],
    ...["StreamBegin", "NetStream.Play.PublishNotify", "video"],
  ]);
  await rig.stop();
});

Deno.test("Connection keeps a player whose publisher's connection was reset", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const player = await rig.play();
  publisher.far.reset();
  await rig.advance(1_000);
  assertEquals(player.words, [...STARTED, "video"]);
  assertEquals(player.isEnded, false);
  assertEquals(rig.endings, ["reset by peer"]);
  assertEquals(rig.warnings, []);
  await rig.stop();
});

Deno.test("Connection sends nothing of a stream that the player closed in the same turn", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const player = await rig.connect();
  player.play();
  player.closeStream();
  player.send(encodePingRequest(1));
  await rig.advance(1_000);
  player.send(encodePingRequest(2));
  publisher.push(VIDEO, 40, interFrame(2));
  await rig.advance(1_000);
  assertEquals(player.words, [...STARTED, "PingResponse", "PingResponse"]);
  await rig.stop();
});

Deno.test("Connection plays one stream after the other on one connection", async () => {
  const rig = new ServerRig();
  const [first, second] = [await rig.publish("first"), await rig.publish("second")];
  first.push(VIDEO, 0, keyframe(1));
  second.push(VIDEO, 0, keyframe(2));
  await rig.settle();
  const player = await rig.play("first");
  player.play("second");
  await rig.settle();
  first.push(VIDEO, 40, interFrame(3));
  second.push(VIDEO, 40, interFrame(4));
  await rig.advance(1_000);
  player.closeStream();
  player.play("first");
  await rig.settle();
  assertEquals(player.videos, [
    keyframe(1),
    keyframe(2),
    interFrame(4),
    keyframe(1),
    interFrame(3),
  ]);
  assertEquals(rig.server.counts.players, 1);
  await rig.stop();
});

Deno.test("Connection holds the stream while a player is paused, even when it pings", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const player = await rig.play();
  player.command("pause", [null, true, 0], { msid: 1 });
  await rig.settle();
  publisher.push(VIDEO, 40, interFrame(2));
  player.send(encodePingRequest(1));
  await rig.advance(1_000);
  assertEquals(player.words.slice(-3), ["NetStream.Pause.Notify", "StreamEOF", "PingResponse"]);
  player.command("pause", [null, false, 0], { msid: 1 });
  await rig.advance(1_000);
  assertEquals(player.words.slice(-3), ["NetStream.Unpause.Notify", "StreamBegin", "video"]);
  assertEquals(player.videos, [keyframe(1), interFrame(2)]);
  await rig.stop();
});

Deno.test("Connection closes a player that takes nothing for 15 s", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const player = await rig.play();
  player.far.block();
  for (let second = 0; second < 14; second++) {
    publisher.push(VIDEO, second * 1_000, interFrame(2));
    await rig.advance(1_000);
  }
  assertEquals(rig.server.counts.players, 1);
  publisher.push(VIDEO, 14_000, interFrame(2));
  await rig.advance(3_000);
  assertEquals(rig.server.counts.players, 0);
  assertEquals(rig.endings, ["client takes no data"]);
  await rig.stop();
});

Deno.test("Connection closes a silent player that does not answer a ping", async () => {
  const rig = new ServerRig();
  await rig.publish();
  const player = await rig.play();
  await rig.advance(29_000);
  assert(!player.words.includes("PingRequest"));
  await rig.advance(1_000);
  assert(player.words.includes("PingRequest"));
  await rig.advance(29_000);
  assertEquals(player.isEnded, false);
  await rig.advance(1_000);
  assertEquals(player.isEnded, true);
  assertMatch(rig.endings.at(-1)!, /^no answer to a ping within 30000 ms$/);
  await rig.stop();
});

Deno.test("Connection keeps a player that answers its pings", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  const player = await rig.play();
  for (let i = 0; i < 5; i++) {
    for (let second = 0; second < 31; second++) {
      publisher.push(VIDEO, 0, interFrame(1));
      await rig.advance(1_000);
    }
    player.send(encodePingResponse(1));
    await rig.settle();
  }
  assertEquals(player.isEnded, false);
  assertEquals(player.words.filter((word) => word === "PingRequest").length, 5);
  await rig.stop();
});

Deno.test("Connection pings a held player, too", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { play { play_wait 10m; } }");
  const player = await rig.play();
  await rig.advance(30_000);
  assertEquals(player.words, ["PingRequest"]);
  await rig.advance(30_000);
  assertEquals(player.isEnded, true);
  await rig.stop();
});

// Publishing.

Deno.test("Connection closes a publisher that sends no media", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  await rig.advance(20_000);
  assertEquals(publisher.isEnded, false);
  publisher.send(encodePingRequest(1));
  await rig.advance(3_000);
  assertEquals(publisher.isEnded, true);
  assertEquals(publisher.words.at(-1), "NetStream.Publish.Failed");
  assertEquals(rig.endings, [
    "publisher sent no media within 20000 ms (publish.firstpkt_timeout)",
  ]);
  await rig.stop();
});

Deno.test("Connection closes a publisher that stops sending media", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  for (let second = 0; second < 60; second += 20) {
    publisher.push(VIDEO, second * 1_000, keyframe(second));
    await rig.advance(20_000);
  }
  assertEquals(publisher.isEnded, false);
  await rig.advance(3_000);
  assertEquals(publisher.isEnded, true);
  assertMatch(rig.endings[0]!, /^publisher sent nothing for \d+ ms \(publish.normal_timeout\)$/);
  await rig.stop();
});

const LONG_PAUSES = "vhost __defaultVhost__ { publish { normal_timeout 10m; grace 10s; } }";

Deno.test("Connection closes a silent publisher that does not answer a ping, even with a long normal_timeout", async () => {
  const rig = new ServerRig(LONG_PAUSES);
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  const player = await rig.play();
  await rig.advance(29_000);
  assert(!publisher.words.includes("PingRequest"));
  await rig.advance(1_000);
  assert(publisher.words.includes("PingRequest"));
  player.send(encodePingResponse(1));
  await rig.advance(29_000);
  assertEquals(publisher.isEnded, false);
  await rig.advance(1_000);
  assertEquals(rig.endings, ["no answer to a ping within 30000 ms"]);
  assertEquals(rig.server.counts, { connections: 1, players: 1, publishers: 0 });
  assert(!player.words.includes("NetStream.Play.UnpublishNotify"), "it may return");
  await rig.advance(11_000);
  assert(player.words.includes("NetStream.Play.UnpublishNotify"));
  await rig.stop();
});

Deno.test("Connection keeps a pausing publisher that answers its pings until normal_timeout", async () => {
  const rig = new ServerRig(LONG_PAUSES);
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  for (let i = 0; i < 15; i++) {
    await rig.advance(40_000);
    assertEquals(publisher.isEnded, false);
    publisher.send(encodePingResponse(1));
    await rig.settle();
  }
  await rig.advance(4_000);
  assertMatch(rig.endings[0]!, /^publisher sent nothing for \d+ ms \(publish.normal_timeout\)$/);
  await rig.stop();
});

Deno.test("Connection does not ping a publisher that sends but never reads", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.far.block();
  for (let second = 0; second < 300; second++) {
    publisher.push(VIDEO, second * 1_000, keyframe(1));
    await rig.advance(1_000);
  }
  assertEquals(publisher.isEnded, false);
  assert(!publisher.words.includes("PingRequest"));
  await rig.stop();
});

Deno.test("Connection refuses a second publisher, and the first is not affected", async () => {
  const rig = new ServerRig();
  const first = await rig.publish();
  const player = await rig.play();
  const second = await rig.publish();
  second.push(VIDEO, 0, keyframe(666));
  first.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  assertEquals(second.words, ["NetStream.Publish.BadName"]);
  await rig.advance(3_000);
  assertEquals(second.isEnded, true);
  assertEquals(first.isEnded, false);
  assertEquals(player.videos, [keyframe(1)]);
  assertEquals(rig.warnings, [
    'Client refused: Stream "live/show" already has a publisher',
  ]);
  await rig.stop();
});

Deno.test("Connection publishes one stream after the other on one connection", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish("first");
  publisher.closeStream();
  publisher.publish("second");
  await rig.settle();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const other = await rig.publish("first");
  assertEquals(other.words, ["NetStream.Publish.Start"]);
  const player = await rig.play("second");
  assertEquals(player.videos, [keyframe(1)]);
  assertEquals(rig.server.counts.publishers, 2);
  await rig.stop();
});

Deno.test("Connection lets a publisher play and a player publish on its connection", async () => {
  const rig = new ServerRig();
  const client = await rig.publish("first");
  client.play("second");
  await rig.settle();
  assertEquals(rig.server.counts, { connections: 1, players: 1, publishers: 0 });
  client.publish("second");
  await rig.settle();
  assertEquals(rig.server.counts, { connections: 1, players: 0, publishers: 1 });
  assertEquals(client.words, ["NetStream.Publish.Start", "NetStream.Publish.Start"]);
  await rig.stop();
});

Deno.test("Connection drops media of a client that does not publish", async () => {
  const rig = new ServerRig();
  const client = await rig.connect();
  client.push(VIDEO, 0, keyframe(1));
  client.closeStream();
  await rig.advance(1_000);
  assertEquals(client.isEnded, false);
  assertEquals(rig.warnings, []);
  await rig.stop();
});

// Refusing.

interface RefusalCase {
  readonly name: string;
  readonly config: string;
  readonly properties?: Readonly<Record<string, string>>;
  readonly act: (client: Client) => void;
  readonly status: string;
  readonly warning: string;
}

const REFUSALS: readonly RefusalCase[] = [
  {
    name: "a player of an unknown vhost",
    config: "vhost other.example { }",
    act: (client) => client.play(),
    status: "NetStream.Play.Failed",
    warning: 'There is no vhost "server" here',
  },
  {
    name: "a publisher to an unknown vhost",
    config: "vhost other.example { }",
    act: (client) => client.publish(),
    status: "NetStream.Publish.Denied",
    warning: 'There is no vhost "server" here',
  },
  {
    name: "a player of a disabled vhost",
    config: "vhost server { enabled off; } vhost __defaultVhost__ { }",
    act: (client) => client.play(),
    status: "NetStream.Play.Failed",
    warning: "Vhost server is disabled",
  },
  {
    name: "a publisher whose address is denied",
    config: "vhost __defaultVhost__ { security { enabled on; allow play all; deny publish all; } }",
    act: (client) => client.publish(),
    status: "NetStream.Publish.Denied",
    warning: "Address 127.0.0.1 may not publish here",
  },
  {
    name: "a player from another page",
    config: "vhost __defaultVhost__ { refer { enabled on; play good.example; } }",
    properties: { pageUrl: "https://evil.example/good.example" },
    act: (client) => client.play(),
    status: "NetStream.Play.Failed",
    warning: "This page may not play here",
  },
  {
    name: "a player that names no stream",
    config: "vhost __defaultVhost__ { }",
    act: (client) => client.play(""),
    status: "NetStream.Play.Failed",
    warning: "The stream name is empty",
  },
];

for (const { name, config, properties, act, status, warning } of REFUSALS) {
  Deno.test(`Connection refuses ${name} with a reason, and closes it`, async () => {
    const rig = new ServerRig(config);
    const client = await rig.connect(properties);
    act(client);
    await rig.settle();
    assertEquals(client.words, [status]);
    assertEquals(client.isEnded, false);
    await rig.advance(3_000);
    assertEquals(client.isEnded, true);
    // A mistyped name is no warning.
    const isMistake = /^There is no vhost|^The stream name/.test(warning);
    const lines = rig.linesOf(`Client refused: ${warning}`).map(({ level }) => level);
    assertEquals(lines, [isMistake ? "info" : "warning"]);
    assertEquals(rig.warnings.length, isMistake ? 0 : 1);
    assertMatch(rig.endings.join(), /^Net(Stream|Connection)\.[\w.]+$/);
    await rig.stop();
  });
}

Deno.test("Connection serves a player from an allowed page", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { refer { enabled on; play good.example; } }");
  const player = await rig.connect({ pageUrl: "https://www.Good.example:8080/watch" });
  player.play();
  await rig.publish();
  assertEquals(player.words, STARTED);
  assertEquals(rig.warnings, []);
  await rig.stop();
});

Deno.test("Connection uses the vhost that a client names, not the host it dialled", async () => {
  const rig = new ServerRig("vhost a.example { } vhost b.example { }");
  const publisher = await rig.connect({ tcUrl: "rtmp://10.0.0.7/live?vhost=a.example" });
  publisher.publish();
  const [same, other] = [
    await rig.connect({ tcUrl: "rtmp://a.example/live" }),
    await rig.connect({ tcUrl: "rtmp://a.example/live" }),
  ];
  same.play();
  other.play("show?vhost=b.example");
  await rig.settle();
  assertEquals([same.words, other.words], [STARTED, []]);
  await rig.stop();
});

Deno.test("Connection does not answer a refused client again, however often it asks", async () => {
  const rig = new ServerRig("vhost other.example { }");
  const client = await rig.play();
  for (let i = 0; i < 10; i++) {
    client.play();
    client.closeStream();
    client.publish();
    await rig.advance(500);
  }
  assertEquals(client.words, ["NetStream.Play.Failed"]);
  assertEquals(client.isEnded, true);
  const refusals = rig.log.lines.filter(({ message }) => message.startsWith("Client refused: "));
  assertEquals(refusals.length, 1);
  await rig.stop();
});

Deno.test("Connection refuses an edge whose path is too long", async () => {
  const rig = new ServerRig();
  const edge = await rig.connect({ edgePath: "e1,e2,e3,e4,e5,e6,e7,e8" });
  assertEquals(edge.words, ["NetConnection.Connect.Rejected"]);
  await rig.advance(3_000);
  assertEquals(edge.isEnded, true);
  assertEquals(rig.warnings, ["Client refused: The stream came through 8 edges; 8 is the limit"]);
  await rig.stop();
});

Deno.test("Connection quotes and shortens a peer's text in the log", async () => {
  const rig = new ServerRig("vhost other.example { }");
  const client = await rig.connect({
    tcUrl: `rtmp://server/live?vhost=evil\u001b[2J${"x".repeat(500)}`,
  });
  client.play();
  await rig.settle();
  // A mistyped name is no warning.
  assertEquals(rig.warnings, []);
  const [line] = rig.log.lines.filter(({ message }) => message.startsWith("Client refused"));
  assertMatch(line!.message, /^Client refused: There is no vhost "evil\\u\{1b\}\[2jx{72}…" here$/);
  await rig.stop();
});

// Bytes that are not RTMP, or break it.

interface Garbage {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** At info if the client does not even try to speak RTMP. */
  readonly level: "info" | "warning";
  readonly message: RegExp;
  readonly code: string;
}

const GARBAGE: readonly Garbage[] = [
  {
    name: "an HTTP request",
    bytes: encodeUtf8("GET / HTTP/1.1\r\nHost: server\r\n\r\n"),
    level: "info",
    message: /looks like an HTTP request on an RTMP port$/,
    code: "handshake.version",
  },
  {
    name: "TLS",
    bytes: hex("16 0301 0200 01 0001fc 0303"),
    level: "info",
    message: /looks like TLS on a port without TLS$/,
    code: "handshake.version",
  },
  {
    name: "zeros",
    bytes: new Uint8Array(5_000),
    level: "info",
    message: /instead of RTMP version 3$/,
    code: "handshake.version",
  },
  {
    name: "a chunk that continues nothing",
    bytes: concatBytes([SIMPLE_HANDSHAKE, hex("c6 00 00 00")]),
    level: "warning",
    message: /^Client closed: Cannot read chunk on csid 6: fmt 3 before any fmt 0$/,
    code: "chunk.no_previous",
  },
  {
    name: "a chunk size of 0",
    bytes: concatBytes([SIMPLE_HANDSHAKE, hex("02 000000 000004 01 00000000 00000000")]),
    level: "warning",
    message: /^Client closed: Cannot use chunk size 0/,
    code: "chunk.bad_chunk_size",
  },
  {
    name: "a message of 16 MB",
    bytes: concatBytes([SIMPLE_HANDSHAKE, hex("03 000000 ffffff 09 00000000")]),
    level: "warning",
    message: /^Client closed: Cannot accept message of 16777215 bytes/,
    code: "chunk.message_too_long",
  },
];

for (const { name, bytes, level, message, code } of GARBAGE) {
  Deno.test(`Connection closes a client that sends ${name}, with one line in the log`, async () => {
    const rig = new ServerRig();
    const client = await rig.dial();
    client.send(bytes);
    // And more of it.
    client.send(bytes);
    await rig.settle();
    assertEquals(client.isEnded, true);
    const [line, ...others] = rig.log.lines.filter((line) => line.level !== "debug");
    assertEquals([line?.level, others], [level, []]);
    assertMatch(line!.message, message);
    assert(String(line!.fields["code"]).startsWith(code), String(line!.fields["code"]));
    assertEquals(line!.fields["peer"], "127.0.0.1:50000");
    assertEquals(rig.linesOf("Client disconnected").length, 1);
    await rig.stop();
  });
}

// Requests that cannot be read: the client is told before it is closed.

const UNREADABLE: readonly {
  readonly name: string;
  readonly send: (client: Client) => void;
  readonly answer: string;
  readonly description: RegExp;
}[] = [
  {
    name: "a tcUrl that is no URL",
    send: (client) => client.connect({ tcUrl: "not an address" }),
    answer: "_error",
    description: /^Cannot read RTMP URL "not an address": it does not start with a schema/,
  },
  {
    name: "neither tcUrl nor app",
    send: (client) => client.connect({ tcUrl: "", app: "" }),
    answer: "_error",
    description: /^Cannot read RTMP URL "": /,
  },
  {
    name: "a connect without its object",
    send: (client) => client.command("connect", [null], { tid: 1 }),
    answer: "_error",
    description: /^Cannot connect: the command object is missing$/,
  },
  {
    name: "a command before connect",
    send: (client) => client.play(),
    answer: "_error",
    description: /^Cannot run command "createStream" before "connect"$/,
  },
  {
    name: "a play without a stream name",
    send: (client) => {
      client.connect();
      client.command("play", [null], { msid: 1 });
    },
    answer: "onStatus",
    description: /^Cannot play: the stream name is missing; add it to the URL/,
  },
];

for (const { name, send, answer, description } of UNREADABLE) {
  Deno.test(`Connection answers ${name} before it closes the client`, async () => {
    const rig = new ServerRig();
    const client = await rig.dial();
    client.send(SIMPLE_HANDSHAKE);
    send(client);
    await rig.settle();
    // What follows is no longer read.
    client.send(hex("c6 00 00 00"));
    await rig.settle();
    const commands = commandsIn(client.messages).map((command) => command.name);
    assertEquals(commands.filter((word) => word === "_error" || word === "onStatus"), [answer]);
    assertMatch(client.descriptions.at(-1)!, description);
    assertEquals(client.isEnded, false);
    await rig.advance(2_000);
    assertEquals(client.isEnded, true);
    assertEquals(rig.warnings, [`Client refused: ${client.descriptions.at(-1)}`]);
    await rig.stop();
  });
}

// Other ways to say the same.

Deno.test("Connection serves a client that names the app but no tcUrl, in the default vhost", async () => {
  for (const tcUrl of [undefined, ""]) {
    const rig = new ServerRig();
    const publisher = await rig.publish("show", { tcUrl });
    publisher.push(VIDEO, 0, keyframe(1));
    await rig.settle();
    const player = await rig.play();
    assertEquals([publisher.words, player.videos], [["NetStream.Publish.Start"], [keyframe(1)]]);
    await rig.stop();
  }
});

Deno.test("Connection serves a client with a password in its tcUrl, and logs it at no level", async () => {
  const rig = new ServerRig();
  for (const tcUrl of ["rtmp://user:s3cret@server/live", "rtmp://user:s3cret@server:x/live"]) {
    await rig.publish(`show${tcUrl.length}`, { tcUrl });
  }
  assertEquals(rig.linesOf("Publish started").length, 1);
  assertEquals(rig.warnings.length, 1);
  assertEquals(JSON.stringify(rig.log.lines).includes("s3cret"), false);
  await rig.stop();
});

Deno.test("Connection finds the vhost of a host name without its case, final dot and port", async () => {
  const rig = new ServerRig("vhost A.example.com { }");
  const names = [
    { tcUrl: "rtmp://a.EXAMPLE.com/live" },
    { tcUrl: "rtmp://a.example.com.:1935/live" },
    { tcUrl: "rtmp://127.0.0.1/live?vhost=a.example.com:1935" },
    { tcUrl: "rtmp://127.0.0.1/live", app: "live?vhost=A.Example.Com" },
  ];
  for (const [index, properties] of names.entries()) {
    const { words } = await rig.publish(`show${index}`, properties);
    assertEquals(words, ["NetStream.Publish.Start"], properties.tcUrl);
  }
  await rig.stop();
});

Deno.test("Connection closes a client that keeps asking and reads no answer", async () => {
  const rig = new ServerRig();
  const client = await rig.connect();
  client.far.block();
  const pings = concatBytes(Array.from({ length: 10_000 }, (_, i) => encodePingRequest(i)));
  for (let i = 0; i < 20 && !client.far.isClosed; i++) {
    client.send(pings);
    await rig.settle();
  }
  assert(client.far.isClosed);
  assertEquals(rig.warnings.length, 1);
  assertMatch(
    rig.warnings[0]!,
    /^Client closed: Cannot send more answers: \d+ bytes are unread$/,
  );
  await rig.stop();
});

Deno.test("Connection closes its client, and no other, on an internal error", async () => {
  const rig = new ServerRig();
  const [other, client] = [await rig.publish(), await rig.connect()];
  client.far.read = () => Promise.reject(new TypeError("no such thing"));
  client.send(encodePingRequest(1));
  await rig.settle();
  assertEquals([client.isEnded, other.isEnded], [true, false]);
  const [line, ...others] = rig.log.urgent;
  assertEquals(others, []);
  assertEquals(line?.level, "error");
  assertEquals(line?.message, "Internal error; connection closed: no such thing");
  await rig.stop();
});

// Leaving.

const SILENCES: readonly (readonly [name: string, act: (rig: ServerRig) => Promise<Client>])[] = [
  ["sends nothing", (rig) => rig.dial()],
  ["only connects", (rig) => rig.connect()],
  ["leaves its stream", async (rig) => {
    const client = await rig.publish();
    client.closeStream();
    await rig.settle();
    return client;
  }],
];

for (const [name, act] of SILENCES) {
  Deno.test(`Connection closes a client that ${name} and then does nothing for 30 s`, async () => {
    const rig = new ServerRig();
    const client = await act(rig);
    await rig.advance(30_000);
    assertEquals(client.isEnded, false);
    await rig.advance(1_000);
    assertEquals(client.isEnded, true);
    assertMatch(rig.endings[0]!, /no play or publish within 30000 ms$/);
    await rig.stop();
  });
}

Deno.test("Connection closes a client that stops during the handshake", async () => {
  const rig = new ServerRig();
  const client = await rig.dial();
  client.send(SIMPLE_HANDSHAKE.subarray(0, 1_000));
  await rig.advance(31_000);
  assertEquals(client.isEnded, true);
  await rig.stop();
});

Deno.test("Connection logs the byte counts when a client has left", async () => {
  const rig = new ServerRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  const player = await rig.play();
  player.transport.close();
  await rig.settle();
  const [line] = rig.linesOf("Play ended");
  const { cause, stream, skips, received_bytes, sent_bytes } = line!.fields;
  assertEquals({ cause, stream, skips }, {
    cause: "closed by peer",
    stream: "live/show",
    skips: 0,
  });
  assert(Number(received_bytes) > SIMPLE_HANDSHAKE.length);
  const mediaBytes = 12 + keyframe().length;
  assert(Number(sent_bytes) > SIMPLE_HANDSHAKE.length + mediaBytes);
  await rig.stop();
});
