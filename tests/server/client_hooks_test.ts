/** HTTP callbacks, as clients and HTTP servers see them: which ones, with what, in which order. */

import { encodePingResponse } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { HookScript, never } from "../helpers/hook_script.ts";
import { AVC_HEADER, interFrame, keyframe } from "../helpers/media.ts";
import { wordFor } from "../helpers/read_messages.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { ServerRig } from "./rig.ts";

const VIDEO = 9;
const ACTIONS = "on_connect on_close on_publish on_unpublish on_play on_stop".split(" ");
const STARTED = ["StreamBegin", "NetStream.Play.Reset", "NetStream.Play.Start"];

/** A vhost with the callbacks of `actions`. */
function hooksOf(actions: readonly string[], more = ""): string {
  const urls = actions.map((action) => `${action} http://hooks.example/${action};`).join(" ");
  return `http_hooks { enabled on; ${urls} ${more} }`;
}

class HookRig extends ServerRig {
  readonly script: HookScript;

  constructor(inner = hooksOf(ACTIONS), script = new HookScript()) {
    super(`vhost __defaultVhost__ { ${inner} }`, { hookFetch: script.fetch });
    this.script = script;
  }

  /** Refuses every event called `action` with code 7 and the message `no`. */
  refuse(action: string): void {
    this.script.answer = ({ payload }) =>
      new Response(payload["action"] === action ? '{"code":7,"msg":"no"}' : '{"code":0}');
  }

  /** Never answers an event called `action`. */
  ignore(action: string): void {
    this.script.answer = ({ payload }) =>
      payload["action"] === action ? never() : new Response("0");
  }

  /**
   * Keeps all events called `action` open.
   *
   * @returns a function that answers the oldest one
   */
  hold(action: string): (body?: string) => void {
    const open: ((response: Response) => void)[] = [];
    this.script.answer = ({ payload }) =>
      payload["action"] === action
        ? new Promise((resolve) => open.push(resolve))
        : new Response("0");
    return (body = "0") => open.shift()!(new Response(body));
  }
}

// The life of a client.

Deno.test("ClientHooks asks about a player and reports its end once each, in order", async () => {
  const rig = new HookRig();
  const player = await rig.play("show?token=s3cret");
  assertEquals(rig.script.actions, ["on_connect", "on_play"]);
  player.closeStream();
  await rig.settle();
  assertEquals(rig.script.actions, ["on_connect", "on_play", "on_stop"]);
  player.transport.close();
  await rig.settle();
  assertEquals(rig.script.actions, ["on_connect", "on_play", "on_stop", "on_close"]);
  const [connect, play, stop, close] = rig.script.requests.map(({ payload }) => payload);
  for (const payload of [connect!, play!, stop!, close!]) {
    assertEquals([payload["client_id"], payload["ip"], payload["vhost"], payload["app"]], [
      "c1",
      "127.0.0.1",
      "__defaultVhost__",
      "live",
    ]);
  }
  for (const payload of [play!, stop!]) {
    assertEquals([payload["stream"], payload["param"]], ["show", "?token=s3cret"]);
  }
  assert(Number(close!["recv_bytes"]) > SIMPLE_HANDSHAKE.length);
  assert(Number(close!["send_bytes"]) > SIMPLE_HANDSHAKE.length);
  assert(!JSON.stringify(rig.log.lines).includes("s3cret"), "tokens stay out of the log");
  await rig.stop();
});

Deno.test("ClientHooks asks about a publisher and reports its end once each, even if its connection breaks", async () => {
  const rig = new HookRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  publisher.far.reset();
  await rig.advance(30_000);
  assertEquals(rig.script.actions, ["on_connect", "on_publish", "on_unpublish", "on_close"]);
  await rig.stop();
});

Deno.test("ClientHooks reports the ends of all clients when the server stops, and the server waits", async () => {
  const rig = new HookRig();
  await rig.play();
  await rig.publish();
  const answer = rig.hold("on_close");
  let isStopped = false;
  const stopped = rig.server.stop().then(() => isStopped = true);
  await rig.settle();
  assertEquals(isStopped, false);
  answer();
  answer();
  await stopped;
  await rig.stop();
  const ends = (action: string) =>
    rig.script.about(action).map(({ payload }) => payload["client_id"]);
  assertEquals([ends("on_stop"), ends("on_unpublish"), ends("on_close")], [
    ["c1"],
    ["c2"],
    ["c1", "c2"],
  ]);
});

Deno.test("ClientHooks reports the end of each stream of a connection before it asks about the next", async () => {
  const rig = new HookRig();
  const client = await rig.publish("first");
  client.publish("second");
  client.play("third");
  await rig.settle();
  client.transport.close();
  await rig.settle();
  const life = rig.script.requests.map(({ payload }) =>
    `${payload["action"]} ${payload["stream"]}`
  );
  assertEquals(life, [
    "on_connect undefined",
    "on_publish first",
    "on_unpublish first",
    // The second was withdrawn in the same turn, before any callback.
    "on_play third",
    "on_stop third",
    "on_close undefined",
  ]);
  await rig.stop();
});

Deno.test("ClientHooks makes no call for a silent client or in a vhost without callbacks", async () => {
  const rig = new HookRig("http_hooks { on_play http://hooks.example/; }");
  const silent = await rig.dial();
  const player = await rig.play();
  await rig.publish();
  silent.transport.close();
  player.transport.close();
  await rig.settle();
  assertEquals(rig.script.requests, []);
  await rig.stop();
});

Deno.test("ClientHooks reports ends even if the beginnings have no callback", async () => {
  const rig = new HookRig(hooksOf(["on_close", "on_stop"]));
  const player = await rig.play();
  await rig.publish();
  assertEquals(player.words, STARTED);
  player.transport.close();
  await rig.settle();
  assertEquals(rig.script.actions, ["on_stop", "on_close"]);
  await rig.stop();
});

Deno.test("ClientHooks reports the end of a player that was refused after play_wait", async () => {
  const rig = new HookRig(`play { play_wait 2s; } ${hooksOf(ACTIONS)}`);
  await rig.play();
  await rig.advance(5_000);
  assertEquals(rig.script.actions, ["on_connect", "on_play", "on_stop", "on_close"]);
  await rig.stop();
});

Deno.test("ClientHooks is not asked about a publish that is refused because the stream is busy", async () => {
  const rig = new HookRig();
  const first = await rig.publish();
  const second = await rig.publish();
  first.send(encodePingResponse(1));
  await rig.settle();
  assertEquals(second.words, ["NetStream.Publish.BadName"]);
  await rig.advance(3_000);
  const ofSecond = rig.script.requests.filter(({ payload }) => payload["client_id"] === "c2");
  assertEquals(ofSecond.map(({ payload }) => payload["action"]), [
    "on_connect",
    "on_close",
  ]);
  await rig.stop();
});

// Refusals.

const REFUSALS = [
  {
    action: "on_connect",
    code: "NetConnection.Connect.Rejected",
    act: (rig: ServerRig) => rig.publish(),
    asked: ["on_connect"],
  },
  {
    action: "on_publish",
    code: "NetStream.Publish.Denied",
    act: (rig: ServerRig) => rig.publish(),
    asked: ["on_connect", "on_publish", "on_close"],
  },
  {
    action: "on_play",
    code: "NetStream.Play.Failed",
    act: (rig: ServerRig) => rig.play(),
    asked: ["on_connect", "on_play", "on_close"],
  },
] as const;

for (const { action, code, act, asked } of REFUSALS) {
  Deno.test(`ClientHooks tells a client why ${action} refuses it, and reports no end of it`, async () => {
    const rig = new HookRig();
    rig.refuse(action);
    const client = await act(rig);
    client.push(VIDEO, 0, keyframe(1));
    await rig.settle();
    assertEquals(client.words, [code]);
    assertEquals(client.descriptions.at(-1), `Callback ${action} refuses: "no"`);
    assertEquals(rig.warnings, [`Client refused: Callback ${action} refuses: "no"`]);
    await rig.advance(3_000);
    assertEquals(client.isEnded, true);
    assertEquals(rig.script.actions, [...asked]);
    await rig.stop();
  });

  Deno.test(`ClientHooks refuses a client when ${action} does not answer within the timeout`, async () => {
    const rig = new HookRig(hooksOf(ACTIONS, "timeout 2s;"));
    rig.ignore(action);
    const client = await act(rig);
    await rig.advance(1_000);
    assertEquals(client.words, []);
    await rig.advance(1_000);
    assertEquals(client.words, [code]);
    const text = `Callback ${action} failed: it did not answer within 2000 ms`;
    assertEquals(client.descriptions.at(-1), text);
    assertEquals(rig.warnings, [text, `Client refused: ${text}`]);
    await rig.advance(3_000);
    assertEquals(client.isEnded, true);
    await rig.stop();
  });

  Deno.test(`ClientHooks aborts ${action} when the client leaves`, async () => {
    const rig = new HookRig();
    rig.ignore(action);
    const client = await act(rig);
    client.transport.close();
    await rig.settle();
    assertEquals(rig.script.about(action)[0]!.init.signal?.aborted, true);
    assertEquals(client.words, []);
    assertEquals(rig.warnings, []);
    await rig.advance(10_000);
    // The HTTP server may have allowed it.
    const ends = { on_connect: [], on_publish: ["on_unpublish"], on_play: ["on_stop"] }[action];
    assertEquals(rig.script.actions.slice(rig.script.actions.indexOf(action) + 1), [
      ...ends,
      "on_close",
    ]);
    await rig.stop();
  });
}

Deno.test("ClientHooks makes no call for a client that the configuration refuses", async () => {
  const rig = new HookRig(
    `${hooksOf(["on_play"])} security { enabled on; deny play all; allow publish all; }`,
  );
  const player = await rig.play();
  assertEquals(player.words, ["NetStream.Play.Failed"]);
  assertEquals(rig.script.requests, []);
  await rig.stop();
});

Deno.test("ClientHooks asks on_connect of a vhost even if the client connected to another one first", async () => {
  const script = new HookScript();
  const rig = new ServerRig(
    `vhost open.example { } vhost shut.example { ${hooksOf(["on_connect", "on_play"])} }`,
    { hookFetch: script.fetch },
  );
  script.answer = ({ payload }) =>
    new Response(payload["action"] === "on_connect" ? '{"code":1}' : "0");
  const player = await rig.connect({ tcUrl: "rtmp://open.example/live" });
  player.play("show?vhost=shut.example");
  await rig.settle();
  assertEquals(player.words, ["NetStream.Play.Failed"]);
  assertEquals(rig.warnings, ["Client refused: Callback on_connect refuses: code 1"]);
  assertEquals(script.actions, ["on_connect"]);
  await rig.stop();
});

Deno.test("ClientHooks asks a vhost again if the client did not wait for its answer", async () => {
  const script = new HookScript();
  const rig = new ServerRig(
    `vhost open.example { } vhost shut.example { ${hooksOf(["on_connect", "on_close"])} }`,
    { hookFetch: script.fetch },
  );
  script.answer = never;
  const player = await rig.connect({ tcUrl: "rtmp://open.example/live" });
  player.play("show?vhost=shut.example");
  await rig.settle();
  script.answer = () => new Response('{"code":1}');
  player.play("show?vhost=shut.example");
  await rig.settle();
  assertEquals(player.words, ["NetStream.Play.Failed"]);
  assertEquals(script.actions, ["on_connect", "on_connect"]);
  await rig.stop();
});

// Waiting.

Deno.test("ClientHooks keeps media that a publisher sends before the answer", async () => {
  const rig = new HookRig();
  const answer = rig.hold("on_publish");
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, AVC_HEADER);
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  assertEquals(publisher.words, []);
  answer();
  await rig.settle();
  assertEquals(publisher.words, ["NetStream.Publish.Start"]);
  publisher.push(VIDEO, 40, interFrame(2));
  await rig.settle();
  const player = await rig.play();
  assertEquals(player.videos, [AVC_HEADER, keyframe(1), interFrame(2)]);
  await rig.stop();
});

Deno.test("ClientHooks keeps commands that a client sends before its connect is answered", async () => {
  const rig = new HookRig();
  const answer = rig.hold("on_connect");
  const client = await rig.publish();
  assertEquals(client.messages.map(wordFor), []);
  assertEquals(rig.script.actions, ["on_connect"]);
  answer();
  await rig.settle();
  assertEquals(client.words, ["NetStream.Publish.Start"]);
  await rig.stop();
});

Deno.test("ClientHooks does not start a player of a live stream before the answer", async () => {
  const rig = new HookRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  const answer = rig.hold("on_play");
  const player = await rig.play();
  publisher.push(VIDEO, 40, interFrame(2));
  await rig.advance(1_000);
  assertEquals(player.words, []);
  assertEquals(rig.server.counts.players, 0);
  answer();
  await rig.advance(1_000);
  assertEquals(player.words, [...STARTED, "video", "video"]);
  await rig.stop();
});

Deno.test("ClientHooks starts the 30 s of idle time when the connect is answered", async () => {
  const rig = new HookRig(hooksOf(["on_connect"], "timeout 1m;"));
  const answer = rig.hold("on_connect");
  const client = await rig.connect();
  await rig.advance(40_000);
  assertEquals(client.isEnded, false);
  answer();
  await rig.advance(30_000);
  assertEquals(client.isEnded, false);
  await rig.advance(1_000);
  assertEquals(client.isEnded, true);
  await rig.stop();
});

Deno.test("ClientHooks makes one request at a time, however often a client changes its mind", async () => {
  const rig = new HookRig();
  let open = 0;
  let mostOpen = 0;
  rig.script.answer = async () => {
    mostOpen = Math.max(mostOpen, ++open);
    await rig.clock.settle();
    open--;
    return new Response("0");
  };
  const client = await rig.connect();
  for (let i = 0; i < 200; i++) {
    client.play(`show${i}`);
    client.closeStream();
  }
  client.play("last");
  await rig.settle();
  await rig.settle();
  assertEquals(mostOpen, 1);
  assertEquals(rig.script.about("on_play").at(-1)!.payload["stream"], "last");
  assert(rig.script.requests.length < 10, `${rig.script.requests.length} requests`);
  client.transport.close();
  await rig.settle();
  const count = (action: string) => rig.script.about(action).length;
  assertEquals([count("on_play"), count("on_close")], [count("on_stop"), 1]);
  await rig.stop();
});

Deno.test("ClientHooks waits for the report of an end before the next stream, even with no other callback", async () => {
  const rig = new HookRig(hooksOf(["on_stop"]));
  const answer = rig.hold("on_stop");
  const client = await rig.connect();
  for (let i = 0; i < 100; i++) {
    client.play(`show${i}`);
    client.closeStream();
  }
  await rig.settle();
  assertEquals(rig.script.actions, ["on_stop"]);
  answer();
  await rig.settle();
  assertEquals(rig.script.actions, ["on_stop"]);
  await rig.stop();
});

Deno.test("ClientHooks keeps no client waiting longer than the timeout for the report of an end", async () => {
  const rig = new HookRig(hooksOf(["on_stop", "on_play"], "timeout 2s;"));
  rig.ignore("on_stop");
  const client = await rig.play("first");
  client.play("second");
  await rig.advance(2_000);
  assertEquals(client.words, ["NetStream.Play.Failed"]);
  await rig.stop();
});

Deno.test("ClientHooks asks on an edge before the edge asks its origin", async () => {
  const cluster = "cluster { mode remote; origin 127.0.0.1:7; token_traverse on; }";
  const rig = new HookRig(`${hooksOf(["on_play"])} ${cluster}`);
  const dials = () => rig.network.dialled.filter((port) => port === 7).length;
  const answer = rig.hold("on_play");
  const [first, second] = [await rig.play(), await rig.play()];
  assertEquals([rig.script.actions, dials()], [["on_play", "on_play"], 0]);
  answer('{"code":1}');
  await rig.settle();
  assertEquals([first.words, dials()], [["NetStream.Play.Failed"], 0]);
  answer();
  await rig.settle();
  assertEquals(second.words, ["NetStream.Play.Failed"]);
  assert(dials() > 0, "the origin, which does not exist, was asked");
  await rig.stop();
});
