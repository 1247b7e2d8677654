/** The gate gives clients of all protocols the same answer for the same configuration. */

import { decodeUtf8, encodeUtf8 } from "../../lib/base/bytes.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { HookScript, never } from "../helpers/hook_script.ts";
import { keyframe } from "../helpers/media.ts";
import type { MemoryTransport } from "../helpers/memory_network.ts";
import { ServerRig } from "../server/rig.ts";

const HTTP_PORT = 8080;
const VHOST = "a.example";
const VIDEO = 9;

/** What a player asks for. The stream is in the app `live` of {@linkcode VHOST}. */
interface PlayRequest {
  readonly stream: string;
  /** Empty for none. */
  readonly pageUrl: string;
}

/** What a player was told. */
interface Answer {
  readonly isAdmitted: boolean;
  /** Why it was refused, or empty. */
  readonly reason: string;
}

/** A player that has asked. */
interface Player {
  readonly answer: Answer;
  leave(): void;
}

/** A server with HTTP-FLV and callbacks, in memory. */
class GateRig extends ServerRig {
  readonly hooks: HookScript;

  constructor(vhost: string, hooks = new HookScript()) {
    const http = `http_server { enabled on; listen 127.0.0.1:${HTTP_PORT}; dir /nowhere; }`;
    super(`${http} ${vhost}`, { createHttp: createHttpListeners, hookFetch: hooks.fetch });
    this.hooks = hooks;
  }

  /** Publishes a stream of {@linkcode VHOST}, if the rules let it. */
  async publishStream(stream: string): Promise<void> {
    const publisher = await this.connect({ tcUrl: `rtmp://${VHOST}/live` });
    publisher.publish(stream);
    await this.settle();
    publisher.push(VIDEO, 0, keyframe(1));
    await this.settle();
  }

  /** Sends an HTTP request, and keeps what the server answers. */
  async request(
    path: string,
    headers: Readonly<Record<string, string>>,
  ): Promise<{ readonly transport: MemoryTransport; readonly text: string }> {
    const address = { hostname: "127.0.0.1", port: HTTP_PORT };
    await this.network.connect(address, new AbortController().signal);
    const transport = this.network.connections.at(-1)!.client;
    const peer = { transport, text: "" };
    void readAll(transport, (text) => peer.text += text);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    await transport.write(encodeUtf8(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
    await this.settle();
    return peer;
  }
}

async function readAll(transport: MemoryTransport, onText: (text: string) => void): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  try {
    while (true) {
      const count = await transport.read(buffer);
      if (count === null) return;
      onText(decodeUtf8(buffer.subarray(0, count)));
    }
  } catch (error) {
    if (!transport.isClosed) throw error;
  }
}

/** Ways to ask for a stream. */
const PROTOCOLS: Readonly<
  Record<string, (rig: GateRig, request: PlayRequest) => Promise<Player>>
> = {
  async rtmp(rig, { stream, pageUrl }) {
    const client = await rig.connect({ tcUrl: `rtmp://${VHOST}/live`, pageUrl });
    client.play(stream);
    await rig.settle();
    return {
      get answer() {
        const isRefused = client.words.includes("NetStream.Play.Failed");
        return {
          isAdmitted: client.words.includes("NetStream.Play.Start"),
          reason: isRefused ? client.descriptions.at(-1)! : "",
        };
      },
      leave: () => client.transport.close(),
    };
  },
  "http-flv": (rig, request) => watch(rig, request, "200", {}),
  "ws-flv": (rig, request) =>
    watch(rig, request, "101", {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      // The example of RFC 6455, 1.3.
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }),
};

async function watch(
  rig: GateRig,
  { stream, pageUrl }: PlayRequest,
  admitted: string,
  headers: Readonly<Record<string, string>>,
): Promise<Player> {
  const referer = pageUrl === "" ? {} : { referer: pageUrl };
  const peer = await rig.request(`/live/${stream}.flv`, { host: VHOST, ...referer, ...headers });
  return {
    get answer() {
      const [head = "", body = ""] = peer.text.split("\r\n\r\n", 2);
      const isAdmitted = head.startsWith(`HTTP/1.1 ${admitted} `);
      return { isAdmitted, reason: isAdmitted ? "" : body.trim() };
    },
    leave: () => peer.transport.close(),
  };
}

interface Case {
  readonly name: string;
  /** Settings of the vhost. */
  readonly rules?: string;
  readonly vhost?: string;
  readonly stream?: string;
  readonly pageUrl?: string;
  /** What the HTTP server answers to `on_play`. */
  readonly hook?: () => Response | Promise<Response>;
  /** How long the verdict takes, in ms. */
  readonly waitMs?: number;
  /** Why the player is refused; null when it is admitted. */
  readonly reason: string | null;
  /** What HTTP clients read, where it differs. */
  readonly httpReason?: string;
}

const PAGE = "https://www.good.example/watch";
const REFER = "refer { enabled on; play good.example; }";
const HOOK = "http_hooks { enabled on; timeout 2s; on_play http://hooks.example/; }";
const security = (rules: string) => `security { enabled on; ${rules} }`;
const LONG_NAME = "x".repeat(1_020);

const CASES: readonly Case[] = [
  { name: "no rules", reason: null },
  {
    name: "an unknown vhost",
    vhost: "other.example",
    reason: `There is no vhost "${VHOST}" here`,
    // The HTTP server looks for a file then.
    httpReason: "There is no such file",
  },
  { name: "a disabled vhost", rules: "enabled off;", reason: `Vhost ${VHOST} is disabled` },
  {
    name: "a name of 1024 characters",
    stream: LONG_NAME.slice(0, 1_019),
    reason: null,
  },
  {
    name: "a name of 1025 characters",
    stream: LONG_NAME,
    reason: "The stream name has 1025 characters; at most 1024 are allowed",
  },
  {
    name: "its address allowed",
    rules: security("allow play 127.0.0.1; allow publish all;"),
    reason: null,
  },
  {
    name: "another address allowed",
    rules: security("allow play 10.0.0.7; allow publish all;"),
    reason: "Address 127.0.0.1 may not play here",
  },
  {
    name: "its address denied",
    rules: security("deny play 127.0.0.1;"),
    reason: "Address 127.0.0.1 may not play here",
  },
  { name: "another address denied", rules: security("deny play 10.0.0.7;"), reason: null },
  {
    name: "its range denied and its address allowed",
    rules: security("allow play 127.0.0.1; allow publish all; deny play 127.0.0.0/8;"),
    reason: "Address 127.0.0.1 may not play here",
  },
  { name: "a page that refer names", rules: REFER, pageUrl: PAGE, reason: null },
  {
    name: "a page that refer does not name",
    rules: REFER,
    pageUrl: "https://evil.example/good.example",
    reason: "This page may not play here",
  },
  { name: "no page where refer wants one", rules: REFER, reason: "This page may not play here" },
  { name: "a callback that allows", rules: HOOK, hook: () => new Response("0"), reason: null },
  {
    name: "a callback that refuses",
    rules: HOOK,
    hook: () => new Response('{"code":7,"msg":"no"}'),
    reason: 'Callback on_play refuses: "no"',
  },
  {
    name: "a callback that fails",
    rules: HOOK,
    hook: () => new Response("", { status: 500 }),
    reason: "Callback on_play failed: it answered with HTTP 500",
  },
  {
    name: "a callback that does not answer",
    rules: HOOK,
    hook: never,
    waitMs: 2_000,
    reason: "Callback on_play failed: it did not answer within 2000 ms",
  },
];

for (const [protocol, ask] of Object.entries(PROTOCOLS)) {
  for (const test of CASES) {
    const { name, rules = "", vhost = VHOST, stream = "show", pageUrl = "" } = test;
    const verdict = test.reason === null ? "admits" : "refuses";
    Deno.test(`Gate ${verdict} a player over ${protocol} with ${name}`, async () => {
      const hooks = new HookScript();
      if (test.hook !== undefined) hooks.answer = test.hook;
      const rig = new GateRig(`vhost ${vhost} { http_remux { enabled on; } ${rules} }`, hooks);
      await rig.publishStream(stream);
      const player = await ask(rig, { stream, pageUrl });
      if (test.waitMs !== undefined) {
        assertEquals(player.answer, { isAdmitted: false, reason: "" });
        await rig.advance(test.waitMs);
      }
      const reason = protocol === "rtmp" ? test.reason : test.httpReason ?? test.reason;
      assertEquals(player.answer, { isAdmitted: reason === null, reason: reason ?? "" });
      await rig.stop();
    });
  }

  Deno.test(`Gate reports the end of a play over ${protocol} to the callbacks`, async () => {
    const actions = "on_connect on_close on_play on_stop".split(" ");
    const urls = actions.map((action) => `${action} http://hooks.example/${action};`).join(" ");
    const rig = new GateRig(
      `vhost ${VHOST} { http_remux { enabled on; } http_hooks { enabled on; ${urls} } }`,
    );
    await rig.publishStream("show");
    const before = rig.hooks.actions.length;
    const player = await ask(rig, { stream: "show", pageUrl: "" });
    assert(player.answer.isAdmitted, player.answer.reason);
    player.leave();
    await rig.settle();
    const payloads = rig.hooks.requests.slice(before).map(({ payload }) => payload);
    assertEquals(payloads.map(({ action }) => action), [
      "on_connect",
      "on_play",
      "on_stop",
      "on_close",
    ]);
    assertEquals(new Set(payloads.map((payload) => payload["client_id"])).size, 1);
    await rig.stop();
  });
}
