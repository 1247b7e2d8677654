/** Who may play and publish, by SRS's rules. */

import type {
  ReferConfig,
  SecurityConfig,
  SecurityRule,
  VhostConfig,
} from "../../lib/config/config.ts";
import { defaultConfig } from "../../lib/config/parse_config.ts";
import { checkAccess, refuse, type StreamAction } from "../../lib/server/access_rules.ts";
import { assertEquals } from "../helpers/assert.ts";

function vhostWith(change: Partial<VhostConfig>): VhostConfig {
  const [vhost] = defaultConfig().vhosts.values();
  return { ...vhost!, ...change };
}

/** Parses `deny play 10.0.0.0/8` and the like. */
function parseRule(text: string): SecurityRule {
  const [action, scope, from] = text.split(" ");
  return { action, scope, from } as SecurityRule;
}

const IP = "203.0.113.9";

const SECURITY: readonly {
  readonly name: string;
  readonly rules: readonly string[];
  readonly play: boolean;
  readonly publish: boolean;
}[] = [
  { name: "no rules", rules: [], play: false, publish: false },
  { name: "an allowance of play for all", rules: ["allow play all"], play: true, publish: false },
  {
    name: "allowances of both for all",
    rules: ["allow play all", "allow publish all"],
    play: true,
    publish: true,
  },
  {
    name: "an allowance of another address",
    rules: ["allow play 10.0.0.7"],
    play: false,
    publish: false,
  },
  {
    name: "an allowance of the address",
    rules: ["allow play 203.0.113.9"],
    play: true,
    publish: false,
  },
  {
    name: "an allowance of the range",
    rules: ["allow publish 203.0.113.0/24"],
    play: false,
    publish: true,
  },
  { name: "a denial of play for all", rules: ["deny play all"], play: false, publish: true },
  {
    name: "a denial of another address",
    rules: ["deny play 10.0.0.7"],
    play: true,
    publish: true,
  },
  {
    name: "a denial of the address",
    rules: ["deny publish 203.0.113.9"],
    play: true,
    publish: false,
  },
  {
    name: "a denial and an allowance of all",
    rules: ["deny play all", "allow play all"],
    play: false,
    publish: false,
  },
  {
    name: "an allowance before a denial of the same",
    rules: ["allow play 203.0.113.9", "deny play 203.0.113.0/24"],
    play: false,
    publish: false,
  },
  {
    name: "a denial of another range and an allowance of all",
    rules: ["deny play 10.0.0.0/8", "allow play all", "allow publish all"],
    play: true,
    publish: true,
  },
  {
    name: "a denial of another address and an allowance of a third one",
    rules: ["deny play 10.0.0.7", "allow play 10.0.0.8"],
    play: false,
    publish: false,
  },
];

for (const { name, rules, ...expected } of SECURITY) {
  Deno.test(`checkAccess() applies security with ${name}`, () => {
    const security: SecurityConfig = { enabled: true, rules: rules.map(parseRule) };
    const vhost = vhostWith({ security });
    const isWelcome = (action: StreamAction) =>
      checkAccess(vhost, action, { ip: IP, pageUrl: "" }) === null;
    assertEquals({ play: isWelcome("play"), publish: isWelcome("publish") }, expected);
  });
}

Deno.test("checkAccess() ignores security that is off", () => {
  const security: SecurityConfig = { enabled: false, rules: [parseRule("deny play all")] };
  assertEquals(checkAccess(vhostWith({ security }), "play", { ip: IP, pageUrl: "" }), null);
});

const REFERS: readonly {
  readonly name: string;
  readonly refer: Partial<ReferConfig>;
  readonly pageUrl: string;
  readonly play: boolean;
  readonly publish: boolean;
}[] = [
  {
    name: "no names at all",
    refer: {},
    pageUrl: "",
    play: true,
    publish: true,
  },
  {
    name: "the name itself",
    refer: { all: ["good.example"] },
    pageUrl: "http://good.example/watch",
    play: true,
    publish: true,
  },
  {
    name: "a subdomain of the name, with port, user and another schema",
    refer: { all: ["good.example"] },
    pageUrl: "https://me@www.good.example:8443/watch?x=1#y",
    play: true,
    publish: true,
  },
  {
    name: "the name in upper case",
    refer: { all: ["Good.Example"] },
    pageUrl: "HTTP://GOOD.EXAMPLE/",
    play: true,
    publish: true,
  },
  {
    name: "another name",
    refer: { all: ["good.example"] },
    pageUrl: "http://evil.example/good.example",
    play: false,
    publish: false,
  },
  {
    name: "the name as a subdomain of another",
    refer: { all: ["good.example"] },
    pageUrl: "http://good.example.evil.example/",
    play: false,
    publish: false,
  },
  {
    name: "another name that ends with the name",
    refer: { all: ["good.example"] },
    pageUrl: "http://notgood.example/",
    play: false,
    publish: false,
  },
  {
    name: "a name written with a dot in front",
    refer: { play: [".good.example"] },
    pageUrl: "http://www.good.example/",
    play: true,
    publish: true,
  },
  {
    name: "a host with the root's dot",
    refer: { publish: ["good.example"] },
    pageUrl: "http://www.good.example./",
    play: true,
    publish: true,
  },
  {
    name: "the name as a user name",
    refer: { all: ["good.example"] },
    pageUrl: "http://good.example@evil.example/",
    play: false,
    publish: false,
  },
  {
    name: "one name of several",
    refer: { all: ["a.example", "b.example"] },
    pageUrl: "http://b.example/",
    play: true,
    publish: true,
  },
  { name: "no page", refer: { all: ["good.example"] }, pageUrl: "", play: false, publish: false },
  {
    name: "a page that is not a URL",
    refer: { all: ["good.example"] },
    pageUrl: "good.example",
    play: false,
    publish: false,
  },
  {
    name: "a name for players only",
    refer: { play: ["good.example"] },
    pageUrl: "http://other.example/",
    play: false,
    publish: true,
  },
  {
    name: "a name for publishers only",
    refer: { publish: ["good.example"] },
    pageUrl: "http://other.example/",
    play: true,
    publish: false,
  },
  {
    name: "a name for all that matches and a name for players that does not",
    refer: { all: ["example"], play: ["good.example"] },
    pageUrl: "http://other.example/",
    play: false,
    publish: true,
  },
];

for (const { name, refer, pageUrl, ...expected } of REFERS) {
  Deno.test(`checkAccess() applies refer with ${name}`, () => {
    const none = { enabled: true, all: [], play: [], publish: [] };
    const vhost = vhostWith({ refer: { ...none, ...refer } });
    const isWelcome = (action: StreamAction) =>
      checkAccess(vhost, action, { ip: IP, pageUrl }) === null;
    assertEquals({ play: isWelcome("play"), publish: isWelcome("publish") }, expected);
  });
}

Deno.test("checkAccess() ignores refer that is off", () => {
  const refer = { enabled: false, all: ["good.example"], play: [], publish: [] };
  assertEquals(checkAccess(vhostWith({ refer }), "play", { ip: IP, pageUrl: "" }), null);
});

Deno.test("checkAccess() refuses all clients of a disabled vhost", () => {
  const vhost = vhostWith({ enabled: false });
  for (const action of ["play", "publish"] as const) {
    assertEquals(
      checkAccess(vhost, action, { ip: IP, pageUrl: "" })?.description,
      "Vhost __defaultVhost__ is disabled",
    );
  }
});

Deno.test("checkAccess() reports a disabled vhost before a page, and a page before an address", () => {
  const everything: Partial<VhostConfig> = {
    refer: { enabled: true, all: ["good.example"], play: [], publish: [] },
    security: { enabled: true, rules: [] },
  };
  const describe = (change: Partial<VhostConfig>, pageUrl: string) =>
    checkAccess(vhostWith({ ...everything, ...change }), "play", { ip: IP, pageUrl })?.description;
  assertEquals(describe({ enabled: false }, ""), "Vhost __defaultVhost__ is disabled");
  assertEquals(describe({}, ""), "This page may not play here");
  assertEquals(describe({}, "http://good.example/"), "Address 203.0.113.9 may not play here");
});

Deno.test("refuse() uses the code that clients expect for the action", () => {
  assertEquals(refuse("connect", "no").code, "NetConnection.Connect.Rejected");
  assertEquals(refuse("play", "no").code, "NetStream.Play.Failed");
  assertEquals(refuse("publish", "no").code, "NetStream.Publish.Denied");
});
