import { parseConfig } from "../../lib/config/parse_config.ts";
import { type HlsRequest, HlsSessions } from "../../lib/http/hls_sessions.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { Gate } from "../../lib/server/gate.ts";
import { HookClient } from "../../lib/server/hook_client.ts";
import { VhostDirectory } from "../../lib/server/vhost_directory.ts";
import { assertEquals } from "../helpers/assert.ts";
import { noAccessRules } from "../helpers/no_access_rules.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { HookScript } from "../helpers/hook_script.ts";
import { CollectedLog } from "../helpers/local_server.ts";

const VHOST = "a.example";
const ACTIONS = ["on_play", "on_stop"];
const KEEP_MS = 10_000;
const REFUSAL = 'Callback on_play refuses: "no"';

/** Allows plays with `token=good`. */
function answer(params: string): Response {
  return new Response(params.includes("token=good") ? "0" : '{"code":1,"msg":"no"}');
}

class Rig {
  readonly clock: FakeClock;
  readonly hooks = new HookScript();
  readonly sessions: HlsSessions;
  /** Records of sessions that are over. */
  readonly records: string[] = [];
  /** What was shared with other workers. */
  readonly shared: (readonly string[])[] = [];
  readonly sharedKicks: [key: string, forMs: number][] = [];
  readonly sharedBytes: ReadonlyMap<string, number>[] = [];

  constructor(clock = new FakeClock()) {
    this.clock = clock;
    this.hooks.answer = ({ payload }) =>
      payload["action"] === "on_play" ? answer(String(payload["param"])) : new Response("0");
    const urls = ACTIONS.map((action) => `${action} http://hooks.example/;`).join(" ");
    const text = `listen 1; vhost ${VHOST} { http_hooks { enabled on; ${urls} } }`;
    const { config } = parseConfig(text, "x.conf", { readFile: () => undefined });
    const hub = new Hub({
      chunkSize: 128,
      isAbsoluteTime: false,
      maxLagMs: 30_000,
      maxBytes: 1 << 20,
      maxMessages: Infinity,
      keepBackMs: 0,
    });
    const vhost = new LocalVhost({ config: config.vhosts.get(VHOST)!, hub, clock });
    const hooks = new HookClient({
      server: { serverId: "vid-1", serviceId: "1" },
      clock,
      logger: new CollectedLog().logger,
      hookFetch: this.hooks.fetch,
    });
    const vhosts = new VhostDirectory(new Map([[VHOST, vhost]]));
    this.sessions = new HlsSessions({
      gate: new Gate({ ...noAccessRules(clock), vhosts, hooks, clock, edgeId: "e1" }),
      clock,
      idPrefix: "v",
      sessions: {
        add: (client, cause) => {
          const { id, type, stream, sentBytes } = client.report(clock.now())!;
          this.records.push(`${id} ${type} ${stream} ${sentBytes} ${cause}`);
        },
      },
      others: {
        share: (keys) => this.shared.push(keys),
        shareKick: (key, forMs) => this.sharedKicks.push([key, forMs]),
        shareSent: (bytes) => this.sharedBytes.push(bytes),
      },
    });
  }

  /** Requests the playlist, or else a segment. */
  playlist(params: string, change: Partial<HlsRequest> = {}): Promise<string | null> {
    return this.sessions.objectionTo(this.#request(params, change));
  }

  /** The viewer was sent a playlist, or else a segment. */
  sent(params: string, bytes: number, change: Partial<HlsRequest> = {}): void {
    this.sessions.sent(this.#request(params, change), bytes);
  }

  #request(params: string, change: Partial<HlsRequest>): HlsRequest {
    return {
      url: { ...{ schema: "http", host: VHOST, port: 80, vhost: VHOST }, ...SHOW, params },
      isStreamKnown: true,
      isPlaylist: true,
      isAsked: true,
      ip: "203.0.113.9",
      pageUrl: "",
      keepMs: KEEP_MS,
      ...change,
    };
  }

  segment(params: string, change: Partial<HlsRequest> = {}): Promise<string | null> {
    return this.playlist(params, { isPlaylist: false, ...change });
  }

  /** Actions with their parameters. */
  get calls(): string[] {
    return this.hooks.requests.map(({ payload }) => `${payload["action"]} ${payload["param"]}`);
  }
}

const SHOW = { app: "live", stream: "show" } as const;

Deno.test("HlsSessions asks on_play once for all polls of a playlist and its segments", async () => {
  const rig = new Rig();
  for (let count = 0; count < 20; count++) {
    assertEquals(await rig.playlist("?token=good"), null);
    assertEquals(await rig.segment(""), null);
    assertEquals(await rig.segment("?token=good", { pageUrl: "http://a.example/" }), null);
    await rig.clock.advance(KEEP_MS - 1);
  }
  assertEquals(rig.calls, ["on_play ?token=good"]);
  const { payload } = rig.hooks.requests[0]!;
  assertEquals(
    [payload["client_id"], payload["ip"], payload["vhost"], payload["app"], payload["stream"]],
    ["v1", "203.0.113.9", VHOST, "live", "show"],
  );
});

Deno.test("HlsSessions reports on_stop when requests have ceased", async () => {
  const rig = new Rig();
  await rig.playlist("?token=good");
  await rig.clock.advance(KEEP_MS - 1000);
  assertEquals(rig.calls.length, 1);
  await rig.clock.advance(2000);
  assertEquals(rig.calls, ["on_play ?token=good", "on_stop ?token=good"]);
  assertEquals([rig.sessions.count, rig.clock.pendingCount], [0, 0]);
  assertEquals(await rig.segment(""), REFUSAL);
  await rig.playlist("?token=good");
  assertEquals(rig.calls.at(-1), "on_play ?token=good");
});

Deno.test("HlsSessions has a session for each address, stream, page and parameters", async () => {
  const rig = new Rig();
  await rig.playlist("?token=good");
  await rig.playlist("?token=good", { ip: "203.0.113.10" });
  await rig.playlist("?token=good", { pageUrl: "http://b.example/" });
  await rig.playlist("?token=good&b");
  await rig.playlist("?token=good", {
    url: {
      ...{ schema: "http", host: VHOST, port: 80, vhost: VHOST },
      ...SHOW,
      params: "?token=good",
      stream: "other",
    },
  });
  assertEquals(rig.hooks.about("on_play").length, 5);
  assertEquals(rig.sessions.count, 5);
});

Deno.test("HlsSessions refuses segments to clients that were not admitted", async () => {
  const rig = new Rig();
  assertEquals(await rig.playlist("?token=bad"), REFUSAL);
  assertEquals(await rig.segment("?token=bad"), REFUSAL);
  assertEquals(await rig.segment(""), REFUSAL);
  await rig.playlist("?token=good");
  assertEquals(await rig.segment("", { ip: "203.0.113.10" }), REFUSAL);
  assertEquals(await rig.segment("?token=bad"), REFUSAL);
  assertEquals(await rig.segment(""), null);
});

Deno.test("HlsSessions remembers a refusal for 3 s, and reports no end of it", async () => {
  const rig = new Rig();
  for (let count = 0; count < 20; count++) await rig.playlist("?token=bad");
  assertEquals(rig.calls, ["on_play ?token=bad"]);
  await rig.clock.advance(4000);
  await rig.playlist("?token=bad");
  await rig.clock.advance(60_000);
  assertEquals(rig.calls, ["on_play ?token=bad", "on_play ?token=bad"]);
  assertEquals(rig.sessions.count, 0);
});

Deno.test("HlsSessions asks once for requests at the same time", async () => {
  const rig = new Rig();
  const requests = Array.from({ length: 10 }, () => rig.playlist("?token=good"));
  assertEquals(await Promise.all(requests), Array.from({ length: 10 }, () => null));
  assertEquals(rig.calls.length, 1);
});

Deno.test("HlsSessions admits segments of unknown streams to the viewers of any stream", async () => {
  const rig = new Rig();
  const segment = () => rig.segment("", { isStreamKnown: false });
  assertEquals(await segment(), "Request the playlist first");
  await rig.playlist("?token=good");
  assertEquals(await segment(), null);
  assertEquals(rig.calls.length, 1);
});

Deno.test("HlsSessions ends all sessions when the server stops", async () => {
  const rig = new Rig();
  await rig.playlist("?token=good");
  rig.sessions.close();
  await rig.clock.settle();
  assertEquals(rig.calls.at(-1), "on_stop ?token=good");
});

Deno.test("HlsSessions answers requests that wait when the server stops", async () => {
  const rig = new Rig();
  rig.hooks.answer = () => new Promise(() => {});
  const waiting = rig.playlist("?token=good");
  rig.sessions.close();
  assertEquals(await waiting, "The server closed the request");
});

Deno.test("HlsSessions admits what another worker has admitted", async () => {
  const first = new Rig();
  const second = new Rig(first.clock);
  await first.playlist("?token=good");
  assertEquals(first.shared.length, 1);
  second.sessions.learn(first.shared[0]!, KEEP_MS);
  assertEquals(await second.playlist("?token=good"), null);
  assertEquals(await second.segment(""), null);
  assertEquals(await second.segment("?token=bad"), REFUSAL);
  // The first worker is told that the viewer is still here, but not for every request.
  assertEquals(second.shared.length, 0);
  await first.clock.advance(KEEP_MS / 2);
  assertEquals(await second.playlist("?token=good"), null);
  assertEquals(second.shared.length, 1);
  first.sessions.learn(second.shared[0]!, KEEP_MS);
  await first.clock.advance(KEEP_MS / 2 + 1000);
  assertEquals(first.calls, ["on_play ?token=good"]);
  await first.clock.advance(KEEP_MS);
  assertEquals(first.calls.at(-1), "on_stop ?token=good");
});

Deno.test("HlsSessions counts what another worker has sent to its viewers", async () => {
  const first = new Rig();
  const second = new Rig(first.clock);
  await first.playlist("?token=good");
  second.sessions.learn(first.shared[0]!, KEEP_MS);
  assertEquals(await second.playlist("?token=good"), null);
  second.sent("?token=good", 100);
  second.sent("?token=good", 2_000, { isPlaylist: false });
  second.sent("", 30_000, { isPlaylist: false });
  second.sent("", 400_000, { isPlaylist: false });
  first.sent("", 5, { isPlaylist: false });
  await first.clock.advance(1000);
  assertEquals([first.sharedBytes.length, second.sharedBytes.length], [0, 1]);
  first.sessions.learnSent(second.sharedBytes[0]!);
  assertEquals(first.sessions.clientReports(0).map(({ sentBytes }) => sentBytes), [432_105]);
  assertEquals(second.sessions.clientTotals.sentBytes, 0);
  // Nothing is sent twice.
  await first.clock.advance(1000);
  assertEquals(second.sharedBytes.length, 1);
});

Deno.test("HlsSessions limits memory: the oldest sessions are reported as ended", async () => {
  const rig = new Rig();
  // Four keys of 4,000 characters and more each: 16 Mi characters hold some 1,000 sessions.
  for (let count = 0; count < 2400; count++) {
    await rig.playlist(`?token=good&${count}${"x".repeat(4000)}`);
  }
  assertEquals(rig.sessions.count > 800 && rig.sessions.count < 2200, true);
  await rig.clock.settle();
  assertEquals(rig.hooks.about("on_stop").length, 2400 - rig.sessions.count);
  assertEquals(await rig.segment(""), null);
});

Deno.test("HlsSessions reports viewers with what they were sent, and records them when they are gone", async () => {
  const rig = new Rig();
  await rig.playlist("?token=good");
  await rig.playlist("?token=good&b", { ip: "203.0.113.10" });
  await rig.playlist("?token=bad", { ip: "203.0.113.11" });
  rig.sent("?token=good", 100);
  rig.sent("?token=good", 2_000, { isPlaylist: false });
  rig.sent("", 30_000, { isPlaylist: false });
  rig.sent("", 7, { isPlaylist: false, ip: "203.0.113.99" });
  const reports = rig.sessions.clientReports(rig.clock.now());
  assertEquals(
    reports.map(({ id, type, stream, ip, sentBytes }) => [id, type, stream, ip, sentBytes]),
    [
      ["v1", "hls-play", "live/show", "203.0.113.9", 32_100],
      ["v2", "hls-play", "live/show", "203.0.113.10", 0],
    ],
  );
  await rig.clock.advance(KEEP_MS + 2_000);
  assertEquals(rig.records, [
    "v1 hls-play live/show 32100 requests have ceased",
    "v2 hls-play live/show 0 requests have ceased",
  ]);
  assertEquals(rig.sessions.clientReports(rig.clock.now()), []);
  assertEquals(rig.sessions.clientTotals.sentBytes, 32_100);
});

Deno.test("HlsSessions.kick() ends a session, and refuses the viewer for a while", async () => {
  const rig = new Rig();
  await rig.playlist("?token=good");
  assertEquals(rig.sessions.kick("v7", "kicked"), false);
  assertEquals(rig.sessions.kick("v1", "kicked"), true);
  assertEquals(rig.records, ["v1 hls-play live/show 0 kicked"]);
  assertEquals(await rig.playlist("?token=good"), "The viewer was closed by an operator");
  assertEquals(rig.sessions.kick("v1", "kicked"), false);
  await rig.clock.advance(KEEP_MS + 2_000);
  assertEquals(await rig.playlist("?token=good"), null);
  assertEquals(rig.calls, ["on_play ?token=good", "on_stop ?token=good", "on_play ?token=good"]);
  assertEquals(rig.records.length, 1);
});

Deno.test("HlsSessions of another worker does not let a kicked viewer in", async () => {
  const first = new Rig();
  const second = new Rig(first.clock);
  await first.playlist("?token=good");
  second.sessions.learn(first.shared[0]!, KEEP_MS);
  assertEquals(await second.playlist("?token=good"), null);
  assertEquals(first.sessions.kick("v1", "kicked"), true);
  for (const [key, forMs] of first.sharedKicks) second.sessions.learnKick(key, forMs);
  const refusal = "The viewer was closed by an operator";
  assertEquals(await second.playlist("?token=good"), refusal);
  await first.clock.advance(KEEP_MS - 1);
  assertEquals(await second.playlist("?token=good"), refusal);
  assertEquals(await first.playlist("?token=good"), refusal);
  // Other viewers of the address stay.
  assertEquals(await second.playlist("?token=good", { pageUrl: "http://b.example/" }), null);
  await first.clock.advance(1);
  // Then it may return, as a new session: it is asked about again.
  assertEquals(await second.playlist("?token=good"), null);
  assertEquals(second.calls.filter((call) => call.startsWith("on_play")).length, 2);
  await first.clock.advance(2 * KEEP_MS);
  assertEquals([first.clock.pendingCount, first.sessions.count, second.sessions.count], [0, 0, 0]);
});

Deno.test("HlsSessions that learns of a kick closes its own session of that viewer", async () => {
  const first = new Rig();
  const second = new Rig(first.clock);
  // Both asked before they heard of each other.
  await Promise.all([first.playlist("?token=good"), second.playlist("?token=good")]);
  first.sessions.kick("v1", "kicked");
  for (const [key, forMs] of first.sharedKicks) second.sessions.learnKick(key, forMs);
  assertEquals(second.sessions.count, 0);
  assertEquals(await second.playlist("?token=good"), "The viewer was closed by an operator");
});
