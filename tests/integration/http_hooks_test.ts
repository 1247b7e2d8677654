/** HTTP callbacks with a real HTTP server and real clients. */

import { assert, assertEquals, assertMatch, assertRejects } from "../helpers/assert.ts";
import { type LocalServer, PROMPT, startLocalServer } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { numberedFrame } from "../helpers/numbered_stream.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { until } from "../helpers/until.ts";

const ACTIONS = "on_connect on_close on_publish on_unpublish on_play on_stop".split(" ");
const TIMEOUT_MS = 15_000;

/** An HTTP server that keeps all requests. */
class HookServer implements AsyncDisposable {
  readonly heard: Record<string, unknown>[] = [];
  readonly paths: string[] = [];
  answer: (action: unknown, request: Request) => Response | Promise<Response> = () =>
    new Response("0");
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      async (request) => {
        const payload = await request.json();
        this.heard.push(payload);
        this.paths.push(new URL(request.url).pathname);
        return await this.answer(payload["action"], request);
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  get actions(): unknown[] {
    return this.heard.map(({ action }) => action);
  }

  async untilHeard(action: string): Promise<void> {
    await until(action, () => this.actions.includes(action), { timeoutMs: TIMEOUT_MS, everyMs: 5 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

function startHooked(url: string, more = ""): LocalServer {
  const hooks = ACTIONS.map((action) => `${action} ${url}/${action}?key=s3cret;`).join(" ");
  return startLocalServer(
    `vhost __defaultVhost__ { ${PROMPT} http_hooks { enabled on; ${more} ${hooks} } }`,
  );
}

/** Returns the refusal that a publisher receives. */
async function refusalOf(server: LocalServer): Promise<string> {
  const error = await assertRejects(() => RtmpClient.publish(server.port, "show"), Error);
  return error.message;
}

netTest("callbacks are sent for a publisher and a player", async () => {
  await using hooks = new HookServer();
  hooks.answer = (action) => Response.json({ code: 0, data: action });
  await using server = startHooked(hooks.url);
  {
    await using publisher = await RtmpClient.publish(server.port, "show?token=a%20b");
    await using player = await RtmpClient.play(server.port, "show");
    publisher.push(numberedFrame(1));
    await player.untilMedia(1);
    await player.close();
    await hooks.untilHeard("on_close");
  }
  await until("all events", () => hooks.heard.length === 8, { timeoutMs: TIMEOUT_MS });
  const ofClient = (id: string) =>
    hooks.heard.filter(({ client_id }) => client_id === id).map(({ action }) => action);
  assertEquals([ofClient("c1"), ofClient("c2")], [
    ["on_connect", "on_publish", "on_unpublish", "on_close"],
    ["on_connect", "on_play", "on_stop", "on_close"],
  ]);
  const publish = hooks.heard.find(({ action }) => action === "on_publish")!;
  assertEquals([publish["ip"], publish["stream"], publish["param"], publish["stream_url"]], [
    "127.0.0.1",
    "show",
    "?token=a%20b",
    "/live/show",
  ]);
  assertEquals(hooks.paths.toSorted(), hooks.actions.map((action) => `/${action}`).toSorted());
  assertEquals(server.log.urgent, []);
});

const NOES: readonly (readonly [
  name: string,
  answer: (request: Request) => Response | Promise<Response>,
  said: RegExp,
])[] = [
  [
    "refuses",
    () => Response.json({ code: 403, msg: "wrong key" }),
    /Publish\.Denied: Callback on_publish refuses: "wrong key"/,
  ],
  [
    "breaks",
    () => new Response("oh", { status: 500 }),
    /on_publish failed: it answered with HTTP 500/,
  ],
  [
    "redirects",
    ({ url }) => Response.redirect(new URL("/elsewhere", url)),
    /on_publish failed: it redirects \(HTTP 302\)/,
  ],
  [
    "answers with HTML",
    () => new Response("<html>"),
    /on_publish failed: it answered with neither/,
  ],
  [
    "never ends its answer",
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(16 * 1024).fill(32)),
        }),
      ),
    /on_publish failed: it answered with more than 65536 bytes/,
  ],
];

for (const [name, answer, said] of NOES) {
  netTest(`a publisher is refused when the HTTP server ${name}`, async () => {
    await using hooks = new HookServer();
    await using server = startHooked(hooks.url);
    hooks.answer = (action, request) =>
      action === "on_publish" ? answer(request) : new Response("0");
    assertMatch(await refusalOf(server), said);
    assert(!hooks.paths.includes("/elsewhere"));
    assert(!JSON.stringify(server.log.lines).includes("s3cret"));
  });
}

netTest("a client is refused when the HTTP server is down, and the log has details", async () => {
  let url: string;
  {
    await using gone = new HookServer();
    url = gone.url;
  }
  await using server = startHooked(url);
  const error = await assertRejects(() => RtmpClient.connect(server.port), Error);
  assertMatch(error.message, /NetConnection\.Connect\.Rejected/);
  const [line] = server.log.urgent;
  assertEquals(line!.message, "Callback on_connect failed: it cannot be reached");
  assertEquals(line!.fields["url"], `${url}/on_connect`);
  assertMatch(String(line!.fields["detail"]), /refused/);
  assert(!JSON.stringify(server.log.lines).includes("s3cret"));
});

netTest("a client is refused when the HTTP server does not answer in time", async () => {
  await using hooks = new HookServer();
  await using server = startHooked(hooks.url, "timeout 200ms;");
  const { promise, resolve } = Promise.withResolvers<Response>();
  hooks.answer = (action) => action === "on_publish" ? promise : new Response("0");
  assertMatch(await refusalOf(server), /on_publish failed: it did not answer within 200 ms/);
  resolve(new Response("0"));
});

netTest("a pending callback is aborted when the client leaves", async () => {
  await using hooks = new HookServer();
  await using server = startHooked(hooks.url, "timeout 1m;");
  let isAborted = false;
  const endless = new ReadableStream({
    cancel() {
      isAborted = true;
    },
  });
  hooks.answer = (action) => new Response(action === "on_play" ? endless : "0");
  await using player = await RtmpClient.play(server.port, "show");
  await hooks.untilHeard("on_play");
  await player.close();
  await until("the abort", () => isAborted, { timeoutMs: TIMEOUT_MS, everyMs: 5 });
  await hooks.untilHeard("on_close");
});

for (const isAllowed of [true, false]) {
  const outcome = isAllowed ? "refused, and no callback is sent" : "asked about next";
  netTest(
    `while a publisher is ${isAllowed ? "allowed" : "refused"}, another is ${outcome}`,
    async () => {
      await using hooks = new HookServer();
      await using server = startHooked(hooks.url);
      const { promise, resolve } = Promise.withResolvers<void>();
      hooks.answer = async (action) => {
        if (action !== "on_publish") return new Response("0");
        await promise;
        const isFirst = hooks.actions.filter((each) => each === "on_publish").length === 1;
        return Response.json({ code: isFirst && !isAllowed ? 1 : 0 });
      };
      await using first = await RtmpClient.connect(server.port);
      await first.publish("show");
      await hooks.untilHeard("on_publish");
      await using second = await RtmpClient.connect(server.port);
      await second.publish("show");
      await second.barrier();
      resolve();
      await (isAllowed ? first : second).untilStatus("NetStream.Publish.Start");
      await (isAllowed ? second : first).untilEnded();
      const expected = isAllowed ? ["c1"] : ["c1", "c2"];
      const asked = hooks.heard.filter(({ action }) => action === "on_publish");
      assertEquals(asked.map(({ client_id }) => client_id), expected);
      await (isAllowed ? first : second).close();
      await hooks.untilHeard("on_unpublish");
      const ended = hooks.heard.filter(({ action }) => action === "on_unpublish");
      assertEquals(ended.map(({ client_id }) => client_id), expected.slice(-1));
    },
  );
}

const runs = await needs("net", "run", "env");
const withFfmpeg = { ...runs, ignore: runs.ignore || !(await hasProgram("ffmpeg")) };

function startFfmpeg(server: LocalServer, stream: string) {
  return startProcess({
    name: "publisher ffmpeg",
    command: [
      ...["ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1"] as const,
      ...["-re", "-f", "lavfi", "-i", "sine", "-c:a", "aac", "-f", "flv"],
      `rtmp://127.0.0.1:${server.port}/live/${stream}`,
    ],
  });
}

Deno.test({
  ...withFfmpeg,
  name: "ffmpeg publishes with the right token, and prints the refusal with a wrong one",
  async fn() {
    await using hooks = new HookServer();
    await using server = startHooked(hooks.url);
    hooks.answer = (action) => {
      const isRight = hooks.heard.at(-1)!["param"] === "?token=right";
      return Response.json(
        action === "on_publish" && !isRight ? { code: 1, msg: "wrong token" } : { code: 0 },
      );
    };
    await using refused = startFfmpeg(server, "show?token=wrong");
    await refused.waitForLine(/Callback on_publish refuses: "wrong token"/, TIMEOUT_MS);
    await refused.waitFor("its end", () => refused.status !== undefined, TIMEOUT_MS);
    assertEquals(refused.status?.success, false);
    await using welcome = startFfmpeg(server, "show?token=right");
    await using player = await RtmpClient.play(server.port, "show");
    await player.untilMedia(5);
    await welcome.stop();
    await hooks.untilHeard("on_unpublish");
  },
});
