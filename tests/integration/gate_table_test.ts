/** The gate gives clients of all protocols the same answer for the same configuration. */

import { encodeUtf8 } from "../../lib/base/bytes.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { assertEquals } from "../helpers/assert.ts";
import { HookScript, never } from "../helpers/hook_script.ts";
import { keyframe } from "../helpers/media.ts";
import type { MemoryTransport } from "../helpers/memory_network.ts";
import { needs } from "../helpers/permissions.ts";
import { until } from "../helpers/until.ts";
import { ServerRig } from "../server/rig.ts";
import { readText } from "../helpers/read_text.ts";

const HTTP_PORT = 8080;
const VHOST = "a.example";
const VIDEO = 9;

/** What a player asks for: the stream `show` of an app of {@linkcode VHOST}. */
interface PlayRequest {
  readonly app: string;
  /** Empty for none. */
  readonly pageUrl: string;
}

/** What a player was told. */
type Answer =
  | { readonly type: "none" }
  | { readonly type: "admitted" }
  | { readonly type: "refused"; readonly reason: string };

/** A player that has asked. */
interface Player {
  readonly answer: Answer;
  leave(): void;
}

/** A server with HTTP and callbacks, in memory. */
class GateRig extends ServerRig {
  readonly hooks: HookScript;

  /** @param dir Folder that `http_server` serves. */
  constructor(vhost: string, { dir = "/nowhere", hooks = new HookScript() }) {
    const http = `http_server { enabled on; listen 127.0.0.1:${HTTP_PORT}; dir ${dir}; }`;
    super(`${http} ${vhost}`, { createHttp: createHttpListeners, hookFetch: hooks.fetch });
    this.hooks = hooks;
  }

  /** Publishes the stream of a request, if the rules permit it. */
  async publishStream(app: string): Promise<void> {
    const publisher = await this.connect({ tcUrl: `rtmp://${VHOST}/${app}` });
    publisher.publish("show");
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
    void readText(transport, (text) => peer.text += text);
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    await transport.write(encodeUtf8(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
    await this.settle();
    return peer;
  }
}

/** Asks for a stream. */
type Ask = (rig: GateRig, request: PlayRequest) => Promise<Player>;

/** Asks over RTMP. */
async function play(rig: GateRig, { app, pageUrl }: PlayRequest): Promise<Player> {
  const client = await rig.connect({ tcUrl: `rtmp://${VHOST}/${app}`, pageUrl });
  client.play("show");
  await rig.settle();
  return {
    get answer(): Answer {
      if (client.words.includes("NetStream.Play.Start")) return { type: "admitted" };
      if (!client.words.includes("NetStream.Play.Failed")) return { type: "none" };
      return { type: "refused", reason: client.descriptions.at(-1)! };
    },
    leave: () => client.transport.close(),
  };
}

/** Asks over HTTP for the stream's file with this ending. */
function get(ending: string, headers: Readonly<Record<string, string>> = {}): Ask {
  return async (rig, { app, pageUrl }) => {
    const referer: Record<string, string> = pageUrl === "" ? {} : { referer: pageUrl };
    const peer = await rig.request(`/${app}/show${ending}`, {
      host: VHOST,
      ...referer,
      ...headers,
    });
    return {
      get answer(): Answer {
        if (/^HTTP\/1.1 (?:200|101) /.test(peer.text)) return { type: "admitted" };
        const [, body] = peer.text.split("\r\n\r\n", 2);
        return body === undefined ? { type: "none" } : { type: "refused", reason: body.trim() };
      },
      leave: () => peer.transport.close(),
    };
  };
}

const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  // The example of RFC 6455, 1.3.
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};

/** Protocols that serve a published stream. */
const LIVE: Readonly<Record<string, Ask>> = {
  rtmp: play,
  "http-flv": get(".flv"),
  "ws-flv": get(".flv", UPGRADE),
};

const HLS: Readonly<Record<string, Ask>> = {
  "an HLS playlist": get(".m3u8"),
  "an HLS segment": get("-7.ts"),
};

interface Case {
  readonly name: string;
  /** Settings of the vhost. */
  readonly rules?: string;
  readonly vhost?: string;
  readonly app?: string;
  readonly pageUrl?: string;
  /** What the HTTP server answers to `on_play`. */
  readonly hook?: () => Response | Promise<Response>;
  /** How long the verdict takes, in ms. */
  readonly waitMs?: number;
  /** Why the player is refused; null when it is admitted. */
  readonly reason: string | null;
  /** The same over HTTP-FLV and WS-FLV, where it differs. */
  readonly flvReason?: string;
  /** The same over HLS, where it differs. */
  readonly hlsReason?: null;
}

const PAGE = "https://www.good.example/watch";
const REFER = "refer { enabled on; play good.example; }";
const HOOK = "http_hooks { enabled on; timeout 2s; on_play http://hooks.example/; }";
const security = (rules: string) => `security { enabled on; ${rules} }`;
/** An app of `length` characters, none of whose parts is too long for a file of HLS. */
const appOf = (length: number) => `${"x".repeat(150)}/`.repeat(7).slice(0, length);

const CASES: readonly Case[] = [
  { name: "no rules", reason: null },
  {
    name: "an unknown vhost",
    vhost: "other.example",
    reason: `There is no vhost "${VHOST}" here`,
    // Such a request is for a file.
    flvReason: "File not found",
    // The folder tells the vhost, which is the other one.
    hlsReason: null,
  },
  { name: "a disabled vhost", rules: "enabled off;", reason: `Vhost ${VHOST} is disabled` },
  { name: "a name of 1024 characters", app: appOf(1_019), reason: null },
  {
    name: "a name of 1025 characters",
    app: appOf(1_020),
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

function titleOf(protocol: string, { name }: Case, reason: string | null): string {
  return `Gate ${reason === null ? "admits" : "refuses"} a player over ${protocol} with ${name}`;
}

/** Waits for the answer, which takes real time where a file is read. */
async function answerOf(rig: GateRig, player: Player): Promise<Answer> {
  return await until("an answer", async () => {
    await rig.settle();
    return player.answer.type !== "none" && player.answer;
  }, { timeoutMs: 5_000, everyMs: 1 });
}

function expected(reason: string | null): Answer {
  return reason === null ? { type: "admitted" } : { type: "refused", reason };
}

for (const [protocol, ask] of Object.entries(LIVE)) {
  for (const test of CASES) {
    const { rules = "", vhost = VHOST, app = "live", pageUrl = "" } = test;
    const reason = protocol === "rtmp" ? test.reason : test.flvReason ?? test.reason;
    Deno.test(titleOf(protocol, test, reason), async () => {
      const hooks = new HookScript();
      if (test.hook !== undefined) hooks.answer = test.hook;
      const rig = new GateRig(`vhost ${vhost} { http_remux { enabled on; } ${rules} }`, { hooks });
      await rig.publishStream(app);
      const player = await ask(rig, { app, pageUrl });
      if (test.waitMs !== undefined) {
        assertEquals(player.answer, { type: "none" });
        await rig.advance(test.waitMs);
      }
      assertEquals(await answerOf(rig, player), expected(reason));
      await rig.stop();
    });
  }

  Deno.test(`Gate reports the end of a play over ${protocol} to the callbacks`, async () => {
    const actions = ["on_connect", "on_play", "on_stop", "on_close"];
    const urls = actions.map((action) => `${action} http://hooks.example/${action};`).join(" ");
    const hooks = new HookScript();
    const rig = new GateRig(
      `vhost ${VHOST} { http_remux { enabled on; } http_hooks { enabled on; ${urls} } }`,
      { hooks },
    );
    await rig.publishStream("live");
    const before = hooks.requests.length;
    const player = await ask(rig, { app: "live", pageUrl: "" });
    assertEquals(player.answer, { type: "admitted" });
    player.leave();
    await rig.settle();
    const payloads = hooks.requests.slice(before).map(({ payload }) => payload);
    assertEquals(payloads.map(({ action }) => action), actions);
    assertEquals(new Set(payloads.map((payload) => payload["client_id"])).size, 1);
    await rig.stop();
  });
}

const granted = await needs("read", "write");

for (const [protocol, ask] of Object.entries(HLS)) {
  for (const test of CASES) {
    const { rules = "", vhost = VHOST, app = "live", pageUrl = "" } = test;
    const reason = test.hlsReason === undefined ? test.reason : test.hlsReason;
    Deno.test({
      ...granted,
      name: titleOf(protocol, test, reason),
      async fn() {
        const dir = await Deno.makeTempDir();
        try {
          await Deno.mkdir(`${dir}/${app}`, { recursive: true });
          for (const file of ["show.m3u8", "show-7.ts"]) {
            await Deno.writeTextFile(`${dir}/${app}/${file}`, file);
          }
          const hooks = new HookScript();
          if (test.hook !== undefined) hooks.answer = test.hook;
          const hls = `hls { enabled on; hls_path ${dir}; }`;
          const rig = new GateRig(`vhost ${vhost} { ${hls} ${rules} }`, { dir, hooks });
          const player = await ask(rig, { app, pageUrl });
          if (test.waitMs !== undefined) {
            const isAsked = () => hooks.requests.length > 0;
            await until("the callback", isAsked, { timeoutMs: 5_000, everyMs: 1 });
            assertEquals(player.answer, { type: "none" });
            await rig.advance(test.waitMs);
          }
          assertEquals(await answerOf(rig, player), expected(reason));
          player.leave();
          await rig.stop();
        } finally {
          await Deno.remove(dir, { recursive: true });
        }
      },
    });
  }
}
