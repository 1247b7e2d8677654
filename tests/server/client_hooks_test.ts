/** HTTP callbacks as clients and HTTP servers see them: what is asked, what is told, and in which order. */

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

  /** Leaves all events called `action` open. @returns a function that answers the oldest open one */
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

Deno.test("ClientHooks asks and tells of a player once each, in order", async () => {
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

Deno.test("ClientHooks asks and tells of a publisher once each, also when its connection breaks", async () => {
  const rig = new HookRig();
  const publisher = await rig.publish();
  publisher.push(VIDEO, 0, keyframe(1));
  await rig.settle();
  publisher.far.reset();
  await rig.advance(30_000);
  assertEquals(rig.script.actions, ["on_connect", "on_publish", "on_unpublish", "on_close"]);
  await rig.stop();
});

Deno.test("ClientHooks tells the ends of all clients when the server stops, and the server waits", async () => {
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

Deno.test("ClientHooks tells the end of each stream of a connection before it asks for the next", async () => {
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
    // The second was withdrawn in the same breath, before anybody was asked.
    "on_play third",
    "on_stop third",
    "on_close undefined",
  ]);
  await rig.stop();
});

Deno.test("ClientHooks asks nobody of a client that says nothing or asks in a vhost without callbacks", async () => {
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

Deno.test("ClientHooks tells ends that nobody was asked about", async () => {
  const rig = new HookRig(hooksOf(["on_close", "on_stop"]));
  const player = await rig.play();
  await rig.publish();
  assertEquals(player.words, STARTED);
  player.transport.close();
  await rig.settle();
  assertEquals(rig.script.actions, ["on_stop", "on_close"]);
  await rig.stop();
});

Deno.test("ClientHooks tells that a player stopped whose wait is over", async () => {
  const rig = new HookRig(`play { play_wait 2s; } ${hooksOf(ACTIONS)}`);
  await rig.play();
  await rig.advance(5_000);
  assertEquals(rig.script.actions, ["on_connect", "on_play", "on_stop", "on_close"]);
  await rig.stop();
});

Deno.test("ClientHooks tells no end of a publish that another one is in the way of", async () => {
  const rig = new HookRig();
  await rig.publish();
  const second = await rig.publish();
  assertEquals(second.words, ["NetStream.Publish.BadName"]);
  await rig.advance(3_000);
  const ofSecond = rig.script.requests.filter(({ payload }) => payload["client_id"] === "c2");
  assertEquals(ofSecond.map(({ payload }) => payload["action"]), [
    "on_connect",
    "on_publish",
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
  Deno.test(`ClientHooks tells a client that ${action} refuses why, and no end of it`, async () => {
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

  Deno.test(`ClientHooks refuses a client that ${action} says nothing about within the deadline`, async () => {
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

  Deno.test(`ClientHooks gives up asking ${action} when the client leaves meanwhile`, async () => {
    const rig = new HookRig();
    rig.ignore(action);
    const client = await act(rig);
    client.transport.close();
    await rig.settle();
    assertEquals(rig.script.about(action)[0]!.init.signal?.aborted, true);
    assertEquals(client.words, []);
    assertEquals(rig.warnings, []);
    await rig.advance(10_000);
    // The HTTP server may have said yes.
    const ends = { on_connect: [], on_publish: ["on_unpublish"], on_play: ["on_stop"] }[action];
    assertEquals(rig.script.actions.slice(rig.script.actions.indexOf(action) + 1), [
      ...ends,
      "on_close",
    ]);
    await rig.stop();
  });
}

Deno.test("ClientHooks asks nobody about a client that the configuration refuses", async () => {
  const rig = new HookRig(
    `${hooksOf(["on_play"])} security { enabled on; deny play all; allow publish all; }`,
  );
  const player = await rig.play();
  assertEquals(player.words, ["NetStream.Play.Failed"]);
  assertEquals(rig.script.requests, []);
  await rig.stop();
});

Deno.test("ClientHooks lets no client into a vhost by connecting to another one first", async () => {
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

Deno.test("ClientHooks asks again about a vhost whose answer a client did not wait for", async () => {
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

Deno.test("ClientHooks keeps what a publisher sends ahead of the answer", async () => {
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
  assertEquals(player.pictures, [AVC_HEADER, keyframe(1), interFrame(2)]);
  await rig.stop();
});

Deno.test("ClientHooks keeps the commands of a client that does not wait for its connect", async () => {
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

Deno.test("ClientHooks does not start a player before the answer, though the stream is live", async () => {
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

Deno.test("ClientHooks lets 30 s of idleness begin when the connect is answered", async () => {
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

Deno.test("ClientHooks has one request at a time, however often a client changes its mind", async () => {
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

Deno.test("ClientHooks waits for ends too before the next stream, if only those are told", async () => {
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

Deno.test("ClientHooks keeps no client waiting beyond the deadline for an end that nobody takes", async () => {
  const rig = new HookRig(hooksOf(["on_stop", "on_play"], "timeout 2s;"));
  rig.ignore("on_stop");
  const client = await rig.play("first");
  client.play("second");
  await rig.advance(2_000);
  assertEquals(client.words, ["NetStream.Play.Failed"]);
  await rig.stop();
});

Deno.test("ClientHooks asks on an edge too, before the origin is", async () => {
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
  assert(dials() > 0, "the origin was asked, which is not there");
  await rig.stop();
});
