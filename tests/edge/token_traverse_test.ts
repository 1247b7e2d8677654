/** `token_traverse on`: an origin decides whether a client may play or publish at the edge. */

import { AmfObject, amfObject, type AmfValue } from "../../lib/amf/amf_value.ts";
import { decodeCommand } from "../../lib/rtmp/commands.ts";
import { parseStatus } from "../../lib/rtmp/status.ts";
import { encodeSetChunkSize } from "../../lib/rtmp/control_messages.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { keyframe } from "../helpers/tiny_media.ts";
import { connectProperty, ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { type Client, ServerRig } from "../server/rig.ts";

const PORT_A = 19_001;
const PORT_B = 19_002;

const CLIENT = {
  app: "live?key=7",
  tcUrl: "rtmp://edge.example/live?key=7",
  pageUrl: "http://page.example/",
  swfUrl: "http://page.example/player.swf",
  flashVer: "WIN 15,0,0,239",
};

const REJECTED = {
  kind: "refuse connect",
  refusal: { code: "NetConnection.Connect.Rejected", description: "bad key" },
} as const;

const REJECTED_TEXT = 'Origin refused to connect: NetConnection.Connect.Rejected, "bad key"';

/** A status that a client got. */
type StatusLine = [code: string, description: string];

/** An edge before origins A and B. */
class TokenRig extends ServerRig {
  readonly a = new ScriptedOrigin(this.network, PORT_A);
  readonly b = new ScriptedOrigin(this.network, PORT_B);

  constructor(tokenTraverse: "on" | "off" = "on", origins = "b.example") {
    const cluster = `mode remote; origin a.example:${PORT_A} ${origins}:${PORT_B}; redirect any;
      token_traverse ${tokenTraverse}; linger 0;`;
    super(`vhost __defaultVhost__ { cluster { ${cluster} } play { mw_latency 20; } }`);
  }

  /**
   * Returns a client that has sent `connect`, with `args` as second argument if given.
   */
  async connectWith(args?: AmfValue): Promise<Client> {
    const client = await this.dial();
    client.send(SIMPLE_HANDSHAKE);
    client.send(encodeSetChunkSize(60_000));
    const info = amfObject(CLIENT);
    client.command("connect", args === undefined ? [info] : [info, args], { tid: 1 });
    await this.settle();
    return client;
  }

  override async settle(): Promise<void> {
    // A client and two connections to origins, one after the other.
    for (let round = 0; round < 3; round++) await super.settle();
  }

  /** Stops the server; no connection to an origin may be left. */
  override async stop(): Promise<void> {
    await super.stop();
    await this.settle();
    assertEquals(this.a.openCount + this.b.openCount, 0, "connections are left");
  }
}

function statusesOf(client: Client): StatusLine[] {
  return client.messages.filter(({ typeId }) => typeId === 20).flatMap(({ payload }) => {
    const command = decodeCommand(payload);
    const status = command.name === "onStatus" ? parseStatus(command.values[1]) : null;
    return status === null ? [] : [[status.code, status.description] satisfies StatusLine];
  });
}

Deno.test("TokenCheck repeats the client's own connect at the origin, before anything else", async () => {
  const rig = new TokenRig();
  const client = await rig.connectWith(amfObject({ token: "secret", n: 3 }));
  assertEquals(rig.network.dialled, [1935], "nothing is asked before the client wants a stream");
  client.play();
  await rig.settle();
  const [check, pull] = rig.a.links;
  assert(check !== undefined && pull !== undefined);
  for (const [name, value] of Object.entries(CLIENT)) {
    assertEquals(connectProperty(check, name), value, name);
  }
  const args = check.commands[0]?.values[1];
  assert(args instanceof AmfObject);
  assertEquals([...args.properties], [["token", "secret"], ["n", 3]]);
  assertEquals(check.commandNames, ["connect"]);
  assertEquals([check.isOpen, pull.isOpen], [false, true]);
  assertEquals(pull.commandNames, ["connect", "createStream", "play"]);
  await rig.stop();
});

Deno.test("TokenCheck passes no second argument on when the client sent none", async () => {
  const rig = new TokenRig();
  const client = await rig.connectWith();
  client.play();
  await rig.settle();
  assertEquals(rig.a.links[0]!.commands[0]?.values.length, 1);
  await rig.stop();
});

Deno.test("TokenCheck admits a player that an origin accepts", async () => {
  const rig = new TokenRig();
  const client = await rig.connectWith();
  client.play();
  await rig.settle();
  rig.a.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(client.words.includes("NetStream.Play.Start"), true);
  assertEquals(client.videos.length, 1);
  await rig.stop();
});

Deno.test("TokenCheck loses nothing that a publisher sends before it is admitted", async () => {
  const rig = new TokenRig();
  const client = await rig.connectWith();
  client.publish();
  const messages = [keyframe(0, 1), keyframe(40, 2)];
  for (const { typeId, timestampMs, payload } of messages) {
    client.push(typeId, timestampMs, payload);
  }
  await rig.settle();
  assertEquals(client.words.includes("NetStream.Publish.Start"), true);
  client.push(9, 80, keyframe(80, 3).payload);
  await rig.settle();
  await rig.clock.advance(40);
  await rig.settle();
  assertEquals(rig.a.link.media.map(({ timestampMs }) => timestampMs), [0, 40, 80]);
  await rig.stop();
});

for (
  const [action, code] of [
    ["play", "NetStream.Play.Failed"],
    ["publish", "NetStream.Publish.Denied"],
  ] as const
) {
  Deno.test(`TokenCheck refuses a ${action} with the origin's reason and asks no other`, async () => {
    const rig = new TokenRig();
    rig.a.behaviour = REJECTED;
    const client = await rig.connectWith();
    client[action]();
    await rig.settle();
    assertEquals(statusesOf(client), [[code, REJECTED_TEXT]]);
    assertEquals(rig.network.dialled, [1935, PORT_A]);
    await rig.advance(3_000);
    assertEquals(client.isEnded, true);
    await rig.stop();
  });

  Deno.test(`TokenCheck refuses a ${action} when no origin can be asked`, async () => {
    const rig = new TokenRig();
    rig.a.stopListening();
    rig.b.behaviour = { kind: "close at once" };
    const client = await rig.connectWith();
    client[action]();
    await rig.settle();
    const [[got, description] = ["", ""], ...others] = statusesOf(client);
    assertEquals([got, others], [code, []]);
    assert(
      description.startsWith("No origin could be asked about the client: Lost: "),
    );
    assertEquals(rig.network.dialled, [1935, PORT_A, PORT_B]);
    await rig.advance(3_000);
    assertEquals(client.isEnded, true);
    await rig.stop();
  });
}

Deno.test("TokenCheck asks the next origin when one cannot be reached", async () => {
  const rig = new TokenRig();
  rig.a.stopListening();
  rig.b.behaviour = REJECTED;
  const client = await rig.connectWith();
  client.play();
  await rig.settle();
  assertEquals(statusesOf(client), [["NetStream.Play.Failed", REJECTED_TEXT]]);
  await rig.stop();
});

Deno.test("TokenCheck avoids a dead origin for the next client", async () => {
  const rig = new TokenRig();
  rig.a.stopListening();
  rig.b.behaviour = REJECTED;
  for (const _ of [1, 2, 3]) {
    const client = await rig.connectWith();
    client.play();
    await rig.settle();
  }
  assertEquals(rig.network.dialled.filter((port) => port === PORT_A).length, 1);
  await rig.stop();
});

Deno.test("TokenCheck leaves an origin that does not connect or answer after its timeouts", async () => {
  const rig = new TokenRig();
  rig.network.silence(PORT_A);
  rig.b.behaviour = { kind: "mute" };
  const client = await rig.connectWith();
  client.play();
  await rig.advance(7_000);
  assertEquals(statusesOf(client), []);
  await rig.advance(2_000);
  assertEquals(statusesOf(client), [[
    "NetStream.Play.Failed",
    "No origin could be asked about the client: Lost: no stream within 5000 ms",
  ]]);
  await rig.stop();
});

const DEPARTURES = [
  { how: "disconnects", leave: (client: Client) => client.transport.close() },
  { how: "stops its stream", leave: (client: Client) => client.closeStream() },
];

for (const { how, leave } of DEPARTURES) {
  for (const progress of ["dialled", "asked"]) {
    Deno.test(`TokenCheck ends when the client ${how} while an origin is ${progress}`, async () => {
      const rig = new TokenRig();
      if (progress === "dialled") rig.network.silence(PORT_A);
      rig.a.behaviour = { kind: "mute" };
      const client = await rig.connectWith();
      client.play();
      await rig.settle();
      leave(client);
      await rig.settle();
      assertEquals(rig.a.openCount, 0);
      await rig.advance(10_000);
      assertEquals(rig.network.dialled, [1935, PORT_A]);
      assertEquals(statusesOf(client), []);
      await rig.stop();
    });
  }
}

Deno.test("TokenCheck starts again when the client asks for another stream meanwhile", async () => {
  const rig = new TokenRig();
  rig.a.behaviour = { kind: "mute" };
  const client = await rig.connectWith();
  client.play("first");
  await rig.settle();
  rig.a.behaviour = { kind: "accept" };
  client.play("second");
  await rig.settle();
  assertEquals(rig.a.links.map(({ isOpen }) => isOpen), [false, false, true]);
  assertEquals(rig.a.link.streamName, "second?key=7");
  await rig.stop();
});

Deno.test("TokenCheck in progress is ended when the server stops", async () => {
  const rig = new TokenRig();
  rig.a.behaviour = { kind: "mute" };
  const client = await rig.connectWith();
  client.publish();
  await rig.settle();
  await rig.stop();
});

Deno.test("TokenCheck follows a redirect of the connect", async () => {
  const rig = new TokenRig("on", "10.0.0.2");
  const ex = amfObject({ code: 302, redirect: `rtmp://10.0.0.2:${PORT_B}/live` });
  rig.a.behaviour = { kind: "redirect connect", ex };
  rig.b.behaviour = REJECTED;
  const client = await rig.connectWith();
  client.play();
  await rig.settle();
  assertEquals(statusesOf(client), [[
    "NetStream.Play.Failed",
    `${REJECTED_TEXT}: redirected to 10.0.0.2:${PORT_B}`,
  ]]);
  await rig.stop();
});

Deno.test("TokenCheck sends a client's connect to no server but the origins", async () => {
  const rig = new TokenRig();
  const ex = amfObject({ code: 302, redirect: `rtmp://10.0.0.2:${PORT_B}/live` });
  rig.a.behaviour = { kind: "redirect connect", ex };
  rig.b.behaviour = { kind: "close at once" };
  const client = await rig.connectWith();
  client.play();
  await rig.settle();
  assertEquals(rig.b.links.map(({ connect }) => connect), [null]);
  assertEquals(statusesOf(client).map(([code]) => code), ["NetStream.Play.Failed"]);
  await rig.stop();
});

Deno.test("RemoteVhost asks no origin about a client while token_traverse is off", async () => {
  const rig = new TokenRig("off");
  const client = await rig.connectWith();
  client.play();
  await rig.settle();
  assertEquals(rig.a.links.map(({ commandNames }) => commandNames.at(-1)), ["play"]);
  await rig.stop();
});
