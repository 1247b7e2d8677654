/** Uses the console page in Chromium as an operator would. Run by `console_test.ts`. */

import { systemClock } from "../../lib/base/clock.ts";
import { silentLogger } from "../../lib/base/log.ts";
import type { HttpAuthConfig } from "../../lib/config/config.ts";
import { createApiApp } from "../../lib/http/apps.ts";
import type { ServerSnapshot } from "../../lib/monitor/server_view.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { freePort } from "../helpers/ports.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { addressOf, type RtmpServer, streamUrl } from "../helpers/servers.ts";
import { delay, until } from "../helpers/until.ts";
import { FakeView, PULLED, SNAPSHOT } from "../http/fake_view.ts";
import { ConsolePage, PAGE_TIMEOUT_MS } from "./console_page.ts";
import { FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample } from "./sample.ts";

const PHONE = { width: 390, height: 844 };

/** Folder for screenshots (`EDGE_SCREENSHOTS`); empty for none. */
const screenshots = Deno.env.get("EDGE_SCREENSHOTS") ?? "";

/** Expressions evaluated in the page. */
const TIME = 'document.querySelector("video").currentTime';
const FRAMES = 'document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames';
const PLOT = 'document.querySelector("#plot canvas").toDataURL()';
const WIDTH = "document.documentElement.scrollWidth";

Deno.test("The page plays a stream through an edge whose origin is killed, and kicks clients", async () => {
  await using rig = await FailoverRig.create();
  const sample = await createSample(rig.directory, 1);
  const [a, b] = await Promise.all([rig.origin("a"), rig.origin("b")]);
  const [apiPort, httpPort] = [freePort(), freePort()];
  const edge = await rig.server(
    "edge",
    `http_api { enabled on; listen 127.0.0.1:${apiPort}; }
     http_server { enabled on; listen 127.0.0.1:${httpPort}; }
     vhost __defaultVhost__ {
       mode remote; origin ${addressOf(a)} ${addressOf(b)};
       min_latency on; http_remux { enabled on; }
     }
     vhost studio.example.com { min_latency on; }`,
  );
  rig.publishTee(sample, [a, b]);
  await rig.publish(FFMPEG, sample, `${streamUrl(edge, "desk-2")}?vhost=studio.example.com`);
  const player = rig.play(edge, 600);
  const playerId = await findPlayer(apiPort);
  for (let count = 0; count < 3; count++) await rig.watch(edge);

  // `http_server` redirects to the API's address.
  await using opened = await ConsolePage.open(`http://127.0.0.1:${httpPort}/console/`);
  const { page } = opened;
  assertEquals(page.url(), `http://127.0.0.1:${apiPort}/console/`);
  await opened.untilStatus("Live");
  const flow = page.locator(".flow", { has: page.getByText(`live/${STREAM}`, { exact: true }) });
  await flow.getByText("H264 640×360 · AAC 44.1 kHz").waitFor();
  await opened.until(`/^[1-9][\\d,]* kbit/.test(document.querySelector("#totals dd").textContent)`);

  await flow.getByRole("button", { name: "Watch" }).click();
  await opened.until(`${TIME} > 1 && ${FRAMES} > 15`);
  const [plotBefore, framesBefore] = [await opened.read(PLOT), await opened.read<number>(FRAMES)];

  const serving = await servingOrigin(await flow.locator(".sources").innerText(), [a, b]);
  const next = serving === a ? b : a;
  await kill(serving);
  const event = page.locator("#event-list .switch", { hasText: `live/${STREAM}` });
  await event.waitFor();
  assertEquals(
    await event.locator(".route").innerText(),
    `${addressOf(serving)} → ${addressOf(next)}`,
  );
  assertMatch(
    await event.locator(".cost").innerText(),
    /^[\d,]+ ms of silence · 0 frames lost · 0 doubled$/,
  );
  await flow.getByText(`from ${addressOf(next)}`).waitFor();
  const timeAfter = await opened.read<number>(TIME);
  await opened.until(`${TIME} > ${timeAfter + 3} && ${FRAMES} > ${framesBefore + 60}`);
  assert(await page.locator("#player-note").isHidden(), "the player shows a note");
  assert(await opened.read(PLOT) !== plotBefore, "the plot did not change");

  await takeScreenshots(opened);
  await kickThroughPage(opened, playerId, player);
  await kickOwnPlayer(opened);
  opened.assertNoComplaints();
  opened.assertOnlyOwnHost();
});

/** Waits for a player and returns its id. */
function findPlayer(apiPort: number): Promise<string> {
  const findId = async () => {
    const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1/clients`);
    const { clients } = await response.json();
    return clients.find(({ publish }: { publish: boolean }) => !publish)?.id;
  };
  return until("the player", findId, { timeoutMs: PAGE_TIMEOUT_MS });
}

/** The origin that the page shows as the source. */
function servingOrigin(text: string, origins: readonly RtmpServer[]): Promise<RtmpServer> {
  return until(
    "the origin in the page",
    () => origins.find((origin) => text.includes(`from ${addressOf(origin)}`)),
    { timeoutMs: 1 },
  );
}

/** Kicks a player through the page. */
async function kickThroughPage(
  { page }: ConsolePage,
  id: string,
  player: ChildProcess,
): Promise<void> {
  const rows = page.locator("#client-rows tr");
  const count = await rows.count();
  const button = page.getByRole("button", { name: `Kick ${id}` });
  await button.click();
  assertEquals(player.status, undefined);
  await button.click();
  await player.waitFor("the end", () => player.status !== undefined, PAGE_TIMEOUT_MS);
  await button.waitFor({ state: "detached" });
  assertEquals(await rows.count(), count - 1);
}

/** Kicks the page's own player. */
async function kickOwnPlayer({ page }: ConsolePage): Promise<void> {
  const button = page.locator("#client-rows tr", { hasText: "HTTP-FLV" }).getByRole("button");
  await button.click();
  await button.click();
  await page.getByText("The server ended the stream.").waitFor();
}

async function takeScreenshots({ page }: ConsolePage): Promise<void> {
  if (screenshots === "") return;
  // Lets the plot fill.
  await delay(60_000);
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${screenshots}/console-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: PHONE.width, height: 1500 });
  await page.screenshot({ path: `${screenshots}/console-phone.png` });
  await page.setViewportSize({ width: 1440, height: 1000 });
}

const NO_AUTH: HttpAuthConfig = {
  enabled: false,
  type: "basic",
  username: "",
  password: "",
  token: "",
};

/** An API with a made-up snapshot, and its page. */
class FakeServer implements AsyncDisposable {
  readonly view = new FakeView();
  readonly port: number;
  /** Number of requests for the list of clients. */
  polls = 0;
  readonly #auth;
  #server: Deno.HttpServer;

  constructor(auth: HttpAuthConfig = NO_AUTH, port = 0) {
    this.#auth = auth;
    this.#server = this.#listen(port);
    this.port = (this.#server.addr as Deno.NetAddr).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/console/`;
  }

  /** Stops listening and closes all connections. */
  async stop(): Promise<void> {
    await this.#server.shutdown();
  }

  restart(): void {
    this.#server = this.#listen(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #listen(port: number): Deno.HttpServer {
    const app = createApiApp({
      config: {
        crossdomain: true,
        jsonp: false,
        auth: this.#auth,
        rawApi: { enabled: false, allowReload: false },
        listen: [],
      },
      view: this.view,
      control: null,
      identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
      now: Date.now,
      isReady: () => true,
      drain: () => null,
      streams: { port: null, mounts: { "edge.example": "/[app]/[stream].flv" } },
      clock: systemClock,
      logger: silentLogger,
    });
    return Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, (request) => {
      if (request.url.includes("/clients")) this.polls++;
      return app.fetch(request);
    });
  }
}

const HOSTILE = "live/<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>";
const LONG = `live/${"a-name-without-any-end-".repeat(10)}`;

/** A crowded server: long names, names that are HTML, 1,002 clients. */
function crowdedSnapshot(): ServerSnapshot {
  const [publisher, player] = SNAPSHOT.clients;
  const many = Array.from({ length: 1000 }, (_, at) => ({
    ...player!,
    id: `w1c${1000 + at}`,
    stream: LONG,
    ip: `2001:db8:85a3:1234:5678:8a2e:370:${(at + 4096).toString(16)}`,
  }));
  const streams = [
    { ...PULLED, name: HOSTILE, publisherId: publisher!.id },
    { ...PULLED, name: LONG, players: 1000 },
    ...Array.from({ length: 30 }, (_, at) => ({ ...PULLED, name: `live/${at}` })),
  ];
  const hostile = { ...publisher!, vhost: "edge.example", stream: HOSTILE, pageUrl: HOSTILE };
  return { ...SNAPSHOT, streams, clients: [hostile, player!, ...many] };
}

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test(`A crowded server with hostile names fits a phone, ${colorScheme}`, async () => {
    await using server = new FakeServer();
    server.view.snapshotNow = crowdedSnapshot();
    await using opened = await ConsolePage.open(server.url, { viewport: PHONE, colorScheme });
    const { page } = opened;
    await page.getByText("the first 1,000 of 1,002").waitFor();
    assertEquals(await opened.read(WIDTH), PHONE.width);
    assertEquals(await page.locator("main :is(img, script, svg)").count(), 0);
    assertEquals(await page.locator(".flow h3").first().innerText(), HOSTILE);
    assertEquals(await page.title(), "edge");
    assertEquals(await page.locator("#client-rows tr").count(), 100);
    await page.getByRole("button", { name: "Show more of 1,000" }).click();
    assertEquals(await page.locator("#client-rows tr").count(), 200);
    await page.getByRole("searchbox").fill("370:13e0");
    assertEquals(await page.locator("#client-rows tr").count(), 1);
    await page.getByRole("searchbox").fill("no such client");
    await page.getByText("No matching clients.").waitFor();
    await page.getByRole("button", { name: "and 996 more" }).click();
    assertEquals(await page.locator("#client-rows tr").count(), 100);
    assertEquals(await opened.read(WIDTH), PHONE.width);
    opened.assertNoComplaints();
    opened.assertOnlyOwnHost();
  });
}

Deno.test("The page says when there are no streams and clients", async () => {
  await using server = new FakeServer();
  server.view.snapshotNow = { ...SNAPSHOT, streams: [], clients: [] };
  await using opened = await ConsolePage.open(server.url);
  for (
    const text of [
      "No streams.",
      "No clients.",
      "No origin has failed or changed.",
      "Click Watch on a stream to play it.",
    ]
  ) await opened.page.getByText(text).waitFor();
  opened.assertNoComplaints();
});

/** A snapshot in which every number depends on `step`. */
function numbersAt(step: number): ServerSnapshot {
  const [publisher, player] = SNAPSHOT.clients;
  const [upstream] = PULLED.upstreams;
  const rate = { recvKbps: 1 + step * 98_759, sendKbps: 1 + step * 98_759 };
  const counts = { receivedBytes: 9_000 * 10 ** step, sentBytes: 5_000 * 10 ** step, rate };
  return {
    ...SNAPSHOT,
    process: { ...SNAPSHOT.process, uptimeMs: 59_000 + step * 9_000_000, cpuShare: 0.01 + step },
    vhosts: SNAPSHOT.vhosts.map((vhost) => ({ ...vhost, ...counts })),
    streams: [{
      ...PULLED,
      ...counts,
      players: 2,
      upstreams: [{ ...upstream!, sinceMs: 59_000 + step * 9_000_000, switches: 1 + step }],
    }],
    clients: [
      { ...publisher!, ...counts, ageMs: 59_000 + step * 9_000_000 },
      { ...player!, ...counts, isHeld: false, skips: step },
    ],
  };
}

Deno.test("A refresh moves nothing and keeps the focus", async () => {
  await using server = new FakeServer();
  server.view.snapshotNow = numbersAt(0);
  // The narrowest layout with the player beside the streams.
  const viewport = { width: 1180, height: 900 };
  await using opened = await ConsolePage.open(server.url, { viewport });
  await opened.untilStatus("Live");
  await opened.page.getByRole("button", { name: "Kick c2" }).focus();
  await opened.read(`globalThis.moved = [], new PerformanceObserver((list) => {
    const sources = list.getEntries().flatMap(({ sources }) => sources);
    moved.push(...sources.map(({ node }) => node.className + ": " + node.textContent));
  }).observe({ type: "layout-shift" })`);
  server.view.snapshotNow = numbersAt(1);
  const row = opened.page.locator("#client-rows tr").last();
  await row.getByText("98.76 Mbit/s").waitFor();
  const { polls } = server;
  await until("two more polls", () => server.polls >= polls + 2, { timeoutMs: PAGE_TIMEOUT_MS });
  assertEquals(await opened.read("moved"), []);
  assertEquals(await opened.read("document.activeElement.ariaLabel"), "Kick c2");
});

Deno.test("Kicking by keyboard takes two presses", async () => {
  await using server = new FakeServer();
  await using opened = await ConsolePage.open(server.url);
  await opened.page.getByRole("button", { name: "Kick c2" }).focus();
  await opened.page.keyboard.press("Enter");
  await opened.page.getByText("Sure?").waitFor();
  assertEquals(server.view.kicked, []);
  await opened.page.keyboard.press("Enter");
  await opened.page.getByText("Kicked").waitFor();
  assertEquals(server.view.kicked, ["c2"]);
  opened.assertNoComplaints();
});

Deno.test("The page reports a lost server and resumes when it returns", async () => {
  await using server = new FakeServer();
  await using opened = await ConsolePage.open(server.url);
  await opened.untilStatus("Live");
  await server.stop();
  await opened.untilStatus("Unreachable");
  assertMatch(
    await opened.page.getByRole("alert").innerText(),
    /^No answer from the server since [\d:]{8}: no connection$/,
  );
  server.restart();
  await opened.untilStatus("Live");
  assert(await opened.page.getByRole("alert").isHidden());
  const others = opened.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"));
  assertEquals(others, []);
});

Deno.test("A hidden page does not poll", async () => {
  await using server = new FakeServer();
  await using opened = await ConsolePage.open(server.url);
  await opened.untilStatus("Live");
  const setHidden = (isHidden: boolean) =>
    opened.read(
      `Object.defineProperty(document, "hidden", { value: ${isHidden}, configurable: true }),
      document.dispatchEvent(new Event("visibilitychange"))`,
    );
  await setHidden(true);
  await opened.untilStatus("Paused");
  const { polls } = server;
  // Longer than a polling period.
  await delay(3_000);
  assertEquals(server.polls, polls);
  await setHidden(false);
  await opened.untilStatus("Live");
  assert(server.polls > polls);
});

Deno.test("The page works behind the API's password", async () => {
  const account = { username: "admin", password: "pass word" };
  await using server = new FakeServer({ ...NO_AUTH, enabled: true, ...account });
  await using opened = await ConsolePage.open(server.url, { httpCredentials: account });
  await opened.untilStatus("Live");
  const button = opened.page.getByRole("button", { name: "Kick c1" });
  await button.click();
  await button.click();
  await opened.page.getByText("Kicked").waitFor();
  assertEquals(server.view.kicked, ["c1"]);
});
