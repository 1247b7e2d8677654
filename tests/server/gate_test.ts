/** The order in which the gate asks about a client, and when it stops asking. */

import type { VhostConfig } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import type { Stream } from "../../lib/hub/stream.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { Gate } from "../../lib/server/gate.ts";
import { HookClient } from "../../lib/server/hook_client.ts";
import { VhostDirectory } from "../../lib/server/vhost_directory.ts";
import type {
  ClientCheck,
  NameReservation,
  PublishTicket,
  VhostService,
} from "../../lib/server/vhost_service.ts";
import { assertEquals } from "../helpers/assert.ts";
import { noAccessRules } from "../helpers/no_access_rules.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { HookScript } from "../helpers/hook_script.ts";
import { CollectedLog } from "../helpers/local_server.ts";

const ACTIONS = "on_connect on_close on_publish on_unpublish on_play on_stop".split(" ");
const HOOKS = `http_hooks { enabled on; ${
  ACTIONS.map((action) => `${action} http://hooks.example/${action};`).join(" ")
} }`;
const TOTALS = { sentBytes: 1, receivedBytes: 2 };

/** A vhost whose check a test answers. */
class CheckedVhost implements VhostService {
  readonly config: VhostConfig;
  readonly #events: string[];
  isChecking = true;
  releaseCount = 0;
  answer: (objection: string | null) => void = () => {};

  constructor(config: VhostConfig, events: string[]) {
    this.config = config;
    this.#events = events;
  }

  reserve(): NameReservation {
    return { isGranted: true, release: () => this.releaseCount++ };
  }

  check(
    _request: unknown,
    _client: unknown,
    onAnswer: (objection: string | null) => void,
  ): ClientCheck | null {
    if (!this.isChecking) return null;
    this.#events.push("vhost asked");
    this.answer = onAnswer;
    return { cancel: () => this.#events.push("vhost cancelled") };
  }

  configure(): void {}

  upstreams(): null {
    return null;
  }

  play(): Stream {
    throw new Error("Cannot play: the gate only asks");
  }

  leave(): void {}

  publish(): PublishTicket {
    throw new Error("Cannot publish: the gate only asks");
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A gate with one vhost, `a.example`, and a client of it. */
class Rig {
  readonly clock = new FakeClock();
  readonly hooks = new HookScript();
  /** What happened, in order. */
  readonly events: string[] = [];
  readonly services = new Map<string, VhostService>();
  readonly vhost: CheckedVhost;
  readonly gate: Gate;

  constructor(rules: string, name = "a.example") {
    const { config } = parseConfig(`listen 1935; vhost ${name} { ${rules} }`, "test.conf", {
      readFile: () => undefined,
    });
    const [vhost] = config.vhosts.values();
    this.vhost = new CheckedVhost(vhost!, this.events);
    this.services.set(name, this.vhost);
    this.hooks.answer = ({ payload }) => {
      this.events.push(String(payload["action"]));
      return new Response("0");
    };
    this.gate = new Gate({
      ...noAccessRules(this.clock),
      vhosts: new VhostDirectory(this.services),
      hooks: new HookClient({
        server: { serverId: "vid-1", serviceId: "1" },
        clock: this.clock,
        logger: new CollectedLog().logger,
        hookFetch: this.hooks.fetch,
      }),
      clock: this.clock,
      edgeId: "me",
    });
  }

  client(edgePath: readonly string[] = []) {
    const access = this.gate.accessFor({
      id: "c1",
      protocol: "rtmp",
      ip: "203.0.113.9",
      connect: {
        id: 1,
        app: "live",
        tcUrl: "rtmp://a.example/live",
        pageUrl: "",
        swfUrl: "",
        flashVer: "",
        args: null,
      },
      edgePath,
      backlogMs: 7,
    });
    const describe = (verdict: { type: string; refusal?: { code: string; description: string } }) =>
      this.events.push(
        verdict.refusal === undefined
          ? verdict.type
          : `${verdict.refusal.code}: ${verdict.refusal.description}`,
      );
    return {
      access,
      connect: (vhost = "a.example") => access.connect(urlOf(vhost), describe),
      play: (stream = "show") => access.ask("play", urlOf("a.example", stream), describe),
      publish: () => access.ask("publish", urlOf("a.example"), describe),
    };
  }
}

function urlOf(vhost: string, stream = "show") {
  return parseStreamUrl({ tcUrl: `rtmp://${vhost}/live`, app: "live", stream });
}

Deno.test("ClientAccess.ask() asks the callbacks, then the vhost", async () => {
  const rig = new Rig(HOOKS);
  rig.client().play();
  await rig.clock.settle();
  assertEquals(rig.events, ["on_connect", "on_play", "vhost asked"]);
  rig.vhost.answer(null);
  assertEquals(rig.events.at(-1), "admitted");
});

Deno.test("ClientAccess.ask() returns the client's edge path and backlog in the request", () => {
  const rig = new Rig("");
  const { access } = rig.client(["e1"]);
  access.ask("play", urlOf("a.example"), (verdict) => {
    if (verdict.type !== "admitted") throw new Error(verdict.refusal.description);
    const { url, name, edgePath, backlogMs } = verdict.request;
    rig.events.push(`${url.vhost} ${name} ${edgePath.join()} ${backlogMs}`);
  });
  rig.vhost.answer(null);
  assertEquals(rig.events, ["vhost asked", "a.example live/show e1 7"]);
});

Deno.test("ClientAccess.ask() asks no one about a client that the rules refuse", async () => {
  const rig = new Rig(`${HOOKS} security { enabled on; deny play all; }`);
  rig.client().play();
  await rig.clock.settle();
  assertEquals(rig.events, ["NetStream.Play.Failed: Address 203.0.113.9 may not play here"]);
});

Deno.test("ClientAccess.ask() does not ask the vhost after a callback has refused", async () => {
  const rig = new Rig(HOOKS);
  rig.hooks.answer = () => new Response('{"code":7}');
  rig.client().play();
  await rig.clock.settle();
  assertEquals(rig.events, ["NetStream.Play.Failed: Callback on_connect refuses: code 7"]);
});

Deno.test("ClientAccess.ask() answers at once when there is nothing to wait for", () => {
  const rig = new Rig("");
  rig.vhost.isChecking = false;
  rig.client().play();
  assertEquals(rig.events, ["admitted"]);
});

Deno.test("ClientAccess.ask() refuses a client whose vhost was replaced while it waited", () => {
  const rig = new Rig("");
  rig.client().publish();
  rig.services.set("a.example", new CheckedVhost(rig.vhost.config, rig.events));
  rig.vhost.answer(null);
  assertEquals(rig.events, [
    "vhost asked",
    "NetStream.Publish.Denied: The vhost has changed; try again",
  ]);
});

Deno.test("ClientAccess.leaveStream() cancels the step that is pending, and no verdict follows", async () => {
  const rig = new Rig(HOOKS);
  const client = rig.client();
  client.play();
  await rig.clock.settle();
  client.access.leaveStream();
  client.access.leaveStream();
  await rig.clock.settle();
  assertEquals(rig.events, ["on_connect", "on_play", "vhost asked", "vhost cancelled", "on_stop"]);
});

for (const [outcome, objection] of [["admitted", null], ["refused", "no"]] as const) {
  Deno.test(`ClientAccess.ask() keeps the name of a publish until it is ${outcome}`, () => {
    const rig = new Rig("");
    rig.client().publish();
    assertEquals(rig.vhost.releaseCount, 0);
    rig.vhost.answer(objection);
    assertEquals(rig.vhost.releaseCount, 1);
  });
}

Deno.test("ClientAccess.leaveStream() gives up the name of a publish that is being checked", () => {
  const rig = new Rig("");
  const client = rig.client();
  client.publish();
  client.access.leaveStream();
  assertEquals(rig.vhost.releaseCount, 1);
});

Deno.test("ClientAccess.leaveStream() cancels a callback, and the vhost is not asked", async () => {
  const rig = new Rig(HOOKS);
  const client = rig.client();
  client.play();
  client.access.leaveStream();
  await rig.clock.settle();
  assertEquals(rig.events, []);
});

Deno.test("ClientAccess reports the end of a publish that the vhost refuses after its callback", async () => {
  const rig = new Rig(HOOKS);
  const client = rig.client();
  client.publish();
  await rig.clock.settle();
  rig.vhost.answer("no");
  client.access.close(TOTALS);
  await rig.clock.settle();
  assertEquals(rig.events, [
    ...["on_connect", "on_publish", "vhost asked", "NetStream.Publish.Denied: no"],
    ...["on_unpublish", "on_close"],
  ]);
});

Deno.test("ClientAccess.connect() asks on_connect, and a later play does not ask it again", async () => {
  const rig = new Rig(HOOKS);
  const client = rig.client();
  client.connect();
  await rig.clock.settle();
  client.play();
  await rig.clock.settle();
  assertEquals(rig.events, ["on_connect", "admitted", "on_play", "vhost asked"]);
});

for (
  const [name, rules, vhost] of [
    ["an unknown vhost", HOOKS, "other.example"],
    ["a disabled vhost", `enabled off; ${HOOKS}`, "a.example"],
  ] as const
) {
  Deno.test(`ClientAccess.connect() admits a client of ${name} without a callback`, async () => {
    const rig = new Rig(rules);
    rig.client().connect(vhost);
    await rig.clock.settle();
    assertEquals(rig.events, ["admitted"]);
  });
}

Deno.test("ClientAccess.connect() refuses an edge that came through this one", () => {
  const rig = new Rig(HOOKS);
  rig.client(["other", "me"]).connect();
  assertEquals(rig.events, [
    "NetConnection.Connect.Rejected: The edges form a loop: an origin of this edge leads back to it",
  ]);
});

Deno.test("Gate.check() makes the vhost asked upstream part of an edge's stream", () => {
  const CLIENTS = [
    ["rtmp://127.0.0.1/live", "show"],
    ["rtmp://[::1]/live", "show?token=1"],
    ["rtmp://a.example/live", "show"],
    ["rtmp://127.0.0.1/live", "show?vhost=a.example"],
    ["rtmp://127.0.0.1/live", "show?token=1&domain=b.example"],
    ["rtmp://127.0.0.1/live?vhost=b.example", "show"],
  ] as const;
  const PLAIN = CLIENTS.map(() => "live/show");
  const BY_CLIENT = [
    "live/show",
    "live/show",
    "live/show?vhost=a.example",
    "live/show?vhost=a.example",
    "live/show?vhost=b.example",
    "live/show?vhost=b.example",
  ];
  const remote = (more = "") => `cluster { mode remote; origin 127.0.0.1:1; ${more} }`;
  const cases: [vhost: string, rules: string, names: readonly string[]][] = [
    ["__defaultVhost__", "", PLAIN],
    ["__defaultVhost__", remote(), BY_CLIENT],
    ["__defaultVhost__", remote("vhost origin.example;"), PLAIN],
    ["__defaultVhost__", remote("vhost __defaultVhost__;"), PLAIN],
  ];
  for (const [vhost, rules, names] of cases) {
    const found = CLIENTS.map(([tcUrl, stream]) => nameOf({ vhost, rules, tcUrl, stream }));
    assertEquals(found, names, rules);
  }
  const rules = remote();
  const [tcUrl, stream] = ["rtmp://a.example/live", "show?domain=b.example&vhost=a.example"];
  assertEquals(nameOf({ vhost: "a.example", rules, tcUrl, stream }), "live/show");
});

/** Name of the stream that a client gets from a vhost with `rules`. */
function nameOf(
  { vhost, rules, tcUrl, stream }: {
    readonly vhost: string;
    readonly rules: string;
    readonly tcUrl: string;
    readonly stream: string;
  },
): string {
  const rig = new Rig(rules, vhost);
  const url = parseStreamUrl({ tcUrl, app: "live", stream });
  const verdict = rig.gate.checkRules({
    action: "play",
    protocol: "rtmp",
    url,
    ip: "203.0.113.9",
    pageUrl: "",
  });
  return verdict.type === "admitted" ? verdict.request.name : verdict.refusal.description;
}

Deno.test("Gate.check() refuses names and parameters that are too long, and says so", () => {
  const rig = new Rig("");
  const client = rig.client();
  rig.vhost.isChecking = false;
  const [name, params] = ["n".repeat(1_019), `?t=${"p".repeat(4_093)}`];
  client.play(name);
  client.play(`${name}n`);
  client.play(`show${params}`);
  client.play(`show${params}p`);
  assertEquals(rig.events, [
    "admitted",
    "NetStream.Play.Failed: The stream name has 1025 characters; at most 1024 are allowed",
    "admitted",
    "NetStream.Play.Failed: The parameters have 4097 characters; at most 4096 are allowed",
  ]);
});

Deno.test("ClientAccess.ask() refuses a client that walks through names", async () => {
  const rig = new Rig("");
  rig.vhost.isChecking = false;
  const client = rig.client();
  for (let i = 0; i < 400; i++) client.play(`name${i}`);
  assertEquals(rig.events.filter((event) => event === "admitted").length, 300);
  assertEquals(
    rig.events.at(-1),
    "NetStream.Play.Failed: More than 300 plays or publishes within a minute",
  );
  await rig.clock.advance(60_000);
  client.play();
  assertEquals(rig.events.at(-1), "admitted");
});
