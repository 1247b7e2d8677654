/** RTMP 302: where a redirect leads, and that pulls and pushes follow it. */

import { amfObject } from "../../lib/amf/amf_value.ts";
import { UpstreamError } from "../../lib/base/errors.ts";
import {
  followRedirect,
  reconnectAddress,
  type UpstreamDestination,
} from "../../lib/upstream/redirect.ts";
import { Upstream } from "../../lib/upstream/upstream.ts";
import { encodePingRequest } from "../../lib/rtmp/control_messages.ts";
import { assertEquals, assertStringIncludes, assertThrows } from "../helpers/assert.ts";
import { EdgeRig, PORT_A, PORT_B, requestFor } from "../helpers/edge_rig.ts";
import type { ScriptedOrigin } from "../helpers/scripted_origin.ts";
import { interFrame, keyframe, videoHeader } from "../helpers/tiny_media.ts";
import { VhostRig } from "../helpers/vhost_rig.ts";

const BEFORE: UpstreamDestination = {
  address: { hostname: "a.example", port: 1935 },
  target: { tcUrl: "rtmp://v.example/live", app: "live", stream: "show?token=1" },
};

/** The origin was asked for no vhost: its own host takes its place. */
const NO_VHOST: UpstreamDestination = {
  ...BEFORE,
  target: { ...BEFORE.target, tcUrl: "rtmp://a.example/live" },
};

const PLACES = [
  {
    what: "keeps the vhost and the parameters when the redirect has none (SRS)",
    url: "rtmp://10.0.0.2:19351/live/show",
    before: BEFORE,
    place: ["10.0.0.2", 19351, "rtmp://v.example:19351/live", "live", "show?token=1"],
  },
  {
    what: "asks for the vhost that the redirect names (SRS #1680)",
    url: "rtmp://10.0.0.2/live/show?vhost=other.example",
    before: BEFORE,
    place: ["10.0.0.2", 1935, "rtmp://other.example/live", "live", "show?token=1"],
  },
  {
    what: "asks for the app and the stream that the redirect names",
    url: "rtmp://10.0.0.2/far/room/other",
    before: BEFORE,
    place: ["10.0.0.2", 1935, "rtmp://v.example/far/room", "far/room", "other?token=1"],
  },
  {
    what: "takes the parameters of the redirect in place of the client's",
    url: "rtmp://10.0.0.2/live/show?key=2",
    before: BEFORE,
    place: ["10.0.0.2", 1935, "rtmp://v.example/live", "live", "show?key=2"],
  },
  {
    what: "names the new host when no vhost was asked for",
    url: "rtmp://b.example/live/show",
    before: NO_VHOST,
    place: ["b.example", 1935, "rtmp://b.example/live", "live", "show?token=1"],
  },
  {
    what: "dials an IPv6 address",
    url: "rtmp://[fd00::1]:1936/live/show",
    before: NO_VHOST,
    place: ["fd00::1", 1936, "rtmp://[fd00::1]:1936/live", "live", "show?token=1"],
  },
];

for (const { what, url, before, place } of PLACES) {
  Deno.test(`followRedirect() ${what}`, () => {
    const { address, target } = followRedirect({ tcUrl: url, stream: "" }, before);
    const { tcUrl, app, stream } = target;
    assertEquals([address.hostname, address.port, tcUrl, app, stream], place);
  });
}

Deno.test("followRedirect() leads to an origin with TLS", () => {
  const { address, target } = followRedirect({ tcUrl: "rtmps://b.example/live/show", stream: "" }, {
    address: { hostname: "10.0.0.1", port: 1935 },
    target: { tcUrl: "rtmp://10.0.0.1/live", app: "live", stream: "show" },
  });
  assertEquals(address, { hostname: "b.example", port: 443, isSecure: true });
  assertEquals(target.tcUrl, "rtmps://b.example/live");
});

Deno.test("followRedirect() reads a tcUrl and the stream's name as one address", () => {
  const redirect = { tcUrl: "rtmp://10.0.0.2/live?vhost=v2", stream: "show?token=1" };
  assertEquals(followRedirect(redirect, BEFORE).target, {
    tcUrl: "rtmp://v2/live",
    app: "live",
    stream: "show?token=1",
  });
});

for (
  const [url, reason] of [
    ["somewhere else", "it does not start with a schema and ://"],
    ["rtmp://b.example:99999/live/show", "its port is not between 1 and 65535"],
    ["rtmp:///live/show", "it has no valid host and port"],
    ["http://b.example/live/show", "the schema of"],
    ["rtmp://b.example/live", "names no stream"],
  ] as const
) {
  Deno.test(`followRedirect() throws when the redirect is ${url}`, () => {
    const error = assertThrows(
      () => followRedirect({ tcUrl: url, stream: "" }, BEFORE),
      UpstreamError,
    );
    assertStringIncludes(error.message, "Cannot follow the redirect of the origin: ");
    assertStringIncludes(error.message, reason);
  });
}

// Complete edges.

/** Returns an `ex` that leads to `live/show` on `port`, or to `redirect`. */
function exTo(port: number, path = "/live/show") {
  return amfObject({ code: 302, redirect2: `rtmp://10.0.0.2:${port}${path}` });
}

function redirectAll(origin: ScriptedOrigin, ex: ReturnType<typeof exTo>): void {
  origin.behaviour = { kind: "redirect", ex };
}

/** Makes an answer to a ping of origin A wait to be written. */
async function blockWrite(rig: VhostRig): Promise<void> {
  rig.network.connections[0]!.client.block();
  rig.a.link.send(encodePingRequest(1));
  await rig.settle();
}

Deno.test("Upstream asks for the vhost that a redirect names (SRS #1680)", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B, "/far/other?vhost=v2.example"));
  await rig.play("show?token=1");
  const { link } = rig.b;
  assertEquals(link.connect?.tcUrl, `rtmp://v2.example:${PORT_B}/far`);
  assertEquals([link.connect?.app, link.streamName], ["far", "other?token=1"]);
});

Deno.test("Upstream follows a redirect of a play at once and leaves the origin that redirected", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B));
  const player = await rig.play();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  assertEquals(rig.a.openCount, 0);
  rig.b.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals(player.media.length, 1);
  assertEquals(rig.log.urgent, []);
  const line = rig.log.lines.find(({ message }) => message === "Origin redirects");
  assertEquals([line?.fields["from"], line?.fields["to"]], [
    `origin.example:${PORT_A}`,
    `10.0.0.2:${PORT_B}`,
  ]);
  player.leave();
  await rig.assertNothingLeft();
});

Deno.test("Upstream follows a redirect of a publish at once", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B));
  const publisher = await rig.publish();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
  publisher.push(keyframe(0));
  await rig.advance(40);
  assertEquals(rig.b.link.media.length, 1);
  publisher.leave();
  await rig.assertNothingLeft();
});

for (const kind of ["play", "publish"] as const) {
  Deno.test(`Upstream follows a redirect of the connect of a ${kind}`, async () => {
    const rig = new VhostRig({ redirect: "any" });
    rig.a.behaviour = { kind: "redirect connect", ex: exTo(PORT_B) };
    await rig[kind]();
    assertEquals(rig.network.dialled, [PORT_A, PORT_B]);
    assertEquals([rig.b.openCount, rig.b.link.streamName], [1, "show"]);
  });
}

Deno.test("Upstream follows three redirects in a row and no more", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B));
  redirectAll(rig.b, exTo(PORT_A));
  const publisher = await rig.publish();
  assertEquals(rig.network.dialled, [PORT_A, PORT_B, PORT_A, PORT_B]);
  assertEquals(publisher.refusals.map(({ description }) => description), [
    "No origin takes the stream: Redirected more than 3 times in a row: " +
    `redirected to 10.0.0.2:${PORT_B}`,
  ]);
  await rig.assertNothingLeft();
});

Deno.test("Upstream fails when it cannot read a redirect", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, amfObject({ code: 302, redirect2: "elsewhere" }));
  const publisher = await rig.publish();
  assertEquals(rig.network.dialled, [PORT_A]);
  assertEquals(
    publisher.refusals[0]!.description,
    "No origin takes the stream: Cannot follow the redirect of the origin: " +
      'Cannot read RTMP URL "elsewhere": it does not start with a schema and ://',
  );
});

Deno.test("Upstream names the server that a redirect led to when that one fails", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B));
  rig.b.stopListening();
  const publisher = await rig.publish();
  assertStringIncludes(
    publisher.refusals[0]!.description,
    `Cannot connect: refused: redirected to 10.0.0.2:${PORT_B}`,
  );
});

Deno.test("Upstream gives the server that it is redirected to the whole start timeout", async () => {
  const rig = new VhostRig({ redirect: "any" });
  rig.a.behaviour = { kind: "hold" };
  rig.b.behaviour = { kind: "hold" };
  const publisher = await rig.publish();
  await rig.advance(4_000);
  rig.a.link.redirect(exTo(PORT_B));
  await rig.advance(4_000);
  assertEquals(publisher.refusals, []);
  rig.b.link.accept();
  await rig.settle();
  assertEquals(publisher.handle !== null, true);
});

Deno.test("Upstream follows no redirect when the stream is no longer wanted", async () => {
  const rig = new VhostRig({ redirect: "any" });
  rig.a.behaviour = { kind: "hold" };
  const publisher = await rig.publish();
  await blockWrite(rig);
  publisher.leave();
  rig.a.link.redirect(exTo(PORT_B));
  await rig.settle();
  assertEquals(rig.network.dialled, [PORT_A]);
  await rig.assertNothingLeft();
});

Deno.test("Upstream that is ended while it dials a redirect leaves nothing behind", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B));
  rig.network.silence(PORT_B);
  const publisher = await rig.publish();
  publisher.leave();
  await rig.assertNothingLeft();
});

Deno.test("Upstream ignores errors of the connection that it left for a redirect", async () => {
  const rig = new VhostRig({ redirect: "any" });
  rig.a.behaviour = { kind: "hold" };
  const publisher = await rig.publish();
  await blockWrite(rig);
  rig.a.link.redirect(exTo(PORT_B));
  await rig.settle();
  assertEquals([publisher.handle !== null, rig.b.openCount], [true, 1]);
});

Deno.test("Upstream of a running stream is lost when its origin redirects, and the next is spliced", async () => {
  const rig = new VhostRig({ redirect: "any" });
  const player = await rig.play();
  const frames = [
    keyframe(0, 1, 300),
    ...[2, 3, 4, 5, 6].map((n) => interFrame(n * 40, n, 250)),
  ];
  rig.a.link.sendMedia(videoHeader(), ...frames.slice(0, 4));
  await rig.advance(1_500);
  redirectAll(rig.a, exTo(PORT_B));
  rig.a.link.redirect(exTo(PORT_B));
  await rig.advance(200);
  rig.b.link.sendMedia(videoHeader(), ...frames);
  await rig.settle();
  assertEquals(
    player.media.map(({ payload }) => payload),
    [videoHeader(), ...frames].map(({ payload }) => payload),
  );
});

Deno.test("Upstream asks for the transformed vhost, also where a redirect names none (SRS #2804)", async () => {
  const rig = new EdgeRig({ vhost: "up.[vhost]", redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B));
  const upstream = new Upstream(rig.context, {
    kind: "play",
    origin: rig.context.origins.all[0]!,
    request: requestFor("show?vhost=v.example&token=1"),
    logger: rig.log.logger,
    listener: { onStarted() {}, onMedia() {}, onUnpublished() {}, onAcknowledgement() {} },
    hasAlternative: () => false,
    backlogMs: () => 0,
  });
  const ended = upstream.run();
  await rig.settle();
  assertEquals([rig.a.link, rig.b.link].map(({ connect }) => connect?.tcUrl), [
    `rtmp://up.v.example:${PORT_A}/live`,
    `rtmp://up.v.example:${PORT_B}/live`,
  ]);
  assertEquals(rig.b.link.streamName, "show?token=1");
  upstream.close();
  await ended;
});

// Redirects to strangers.

Deno.test("Upstream follows no redirect to a server that is none of its origins", async () => {
  for (const kind of ["redirect", "redirect connect"] as const) {
    const rig = new VhostRig();
    rig.a.behaviour = { kind, ex: exTo(PORT_B) };
    const publisher = await rig.publish();
    assertEquals(rig.network.dialled, [PORT_A]);
    assertEquals(
      publisher.refusals[0]?.description,
      `No origin takes the stream: Origin redirects to 10.0.0.2:${PORT_B}, which is no origin of ` +
        "this vhost: list it in cluster.origin, or write cluster { redirect any; }",
    );
    const player = await rig.play("other");
    assertEquals(rig.network.dialled, [PORT_A, PORT_A]);
    player.leave();
    await rig.assertNothingLeft();
  }
});

Deno.test("Upstream follows a redirect to another of its origins, and to no other port of it", async () => {
  const origins = [
    { hostname: "a.example", port: PORT_A },
    { hostname: "b.example", port: PORT_B },
  ];
  const rig = new VhostRig({ origins });
  redirectAll(rig.a, amfObject({ code: 302, redirect2: `rtmp://B.example:${PORT_B}/live/show` }));
  const player = await rig.play();
  rig.b.link.sendMedia(keyframe(0));
  await rig.settle();
  assertEquals([player.media.length, rig.log.urgent], [1, []]);
  player.leave();
  await rig.advance(11_000);
  redirectAll(rig.a, amfObject({ code: 302, redirect2: "rtmp://b.example:22/live/show" }));
  const second = await rig.play();
  assertEquals(rig.network.dialled.includes(22), false);
  second.leave();
  await rig.assertNothingLeft();
});

Deno.test("Upstream follows no redirect that is longer than any URL", async () => {
  const rig = new VhostRig({ redirect: "any" });
  redirectAll(rig.a, exTo(PORT_B, `/live/show?token=${"x".repeat(10_000)}`));
  const publisher = await rig.publish();
  assertEquals(rig.network.dialled, [PORT_A]);
  assertStringIncludes(publisher.refusals[0]!.description, "it is too long");
});

for (
  const [tcUrl, before, expected] of [
    ["", { hostname: "a", port: 1 }, { hostname: "a", port: 1 }],
    ["/live", { hostname: "a", port: 1 }, { hostname: "a", port: 1 }],
    ["//b:2/live", { hostname: "a", port: 1 }, { hostname: "b", port: 2 }],
    ["rtmp://b:2/live", { hostname: "a", port: 1 }, { hostname: "b", port: 2 }],
    [
      "//b:2/live",
      { hostname: "a", port: 1, isSecure: true },
      { hostname: "b", port: 2, isSecure: true },
    ],
    [
      "rtmps://b:2/live",
      { hostname: "a", port: 1 },
      { hostname: "b", port: 2, isSecure: true },
    ],
    ["http://b:2/live", { hostname: "a", port: 1 }, null],
  ] as const
) {
  Deno.test(`reconnectAddress() reads "${tcUrl}" from ${"isSecure" in before ? "rtmps" : "rtmp"}`, () => {
    assertEquals(reconnectAddress(tcUrl, before), expected);
  });
}
