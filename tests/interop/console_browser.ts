/** What people do with the console page, done in Chromium. `console_test.ts` runs this file. */

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

/** Folder that takes screenshots of the page; empty for none (`EDGE_SCREENSHOTS`). */
const screenshots = Deno.env.get("EDGE_SCREENSHOTS") ?? "";

/** Expressions for the page. */
const TIME = 'document.querySelector("video").currentTime';
const FRAMES = 'document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames';
const PLOT = 'document.querySelector("#plot canvas").toDataURL()';
const WIDTH = "document.documentElement.scrollWidth";

Deno.test("The page shows a stream through an edge while its origin is killed, and kicks", async () => {
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

  // `http_server` leads to the API's address.
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
    await event.locator(".way").innerText(),
    `${addressOf(serving)} → ${addressOf(next)}`,
  );
  assertMatch(
    await event.locator(".cost").innerText(),
    /^[\d,]+ ms of silence · 0 lost · 0 doubled$/,
  );
  await flow.getByText(`from ${addressOf(next)}`).waitFor();
  const timeAfter = await opened.read<number>(TIME);
  await opened.until(`${TIME} > ${timeAfter + 3} && ${FRAMES} > ${framesBefore + 60}`);
  assert(await page.locator("#player-note").isHidden(), "the player had something to say");
  assert(await opened.read(PLOT) !== plotBefore, "the plot stood still");

  await takeScreenshots(opened);
  await kickThroughPage(opened, playerId, player);
  await kickOwnPlayer(opened);
  opened.assertQuiet();
  opened.assertStayedHome();
});

/** Id of the first player there is. */
function findPlayer(apiPort: number): Promise<string> {
  const look = async () => {
    const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1/clients`);
    const { clients } = await response.json();
    return clients.find(({ publish }: { publish: boolean }) => !publish)?.id;
  };
  return until("the player", look, { timeoutMs: PAGE_TIMEOUT_MS });
}

/** The one of `origins` that the page shows as the source. */
function servingOrigin(text: string, origins: readonly RtmpServer[]): Promise<RtmpServer> {
  return until(
    "the origin in the page",
    () => origins.find((origin) => text.includes(`from ${addressOf(origin)}`)),
    { timeoutMs: 1 },
  );
}

/** Disconnects a player. */
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

/** Disconnects the page's player. */
async function kickOwnPlayer({ page }: ConsolePage): Promise<void> {
  const button = page.locator("#client-rows tr", { hasText: "HTTP-FLV" }).getByRole("button");
  await button.click();
  await button.click();
  await page.getByText("The server has ended the stream.").waitFor();
}

async function takeScreenshots({ page }: ConsolePage): Promise<void> {
  if (screenshots === "") return;
  // Time for the plot to have something to show.
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

/** An API and its page with made-up clients. */
class FakeServer implements AsyncDisposable {
  readonly view = new FakeView();
  readonly port: number;
  /** Times that the page asked for the clients. */
  asked = 0;
  readonly #auth;
  #server: Deno.HttpServer;

  constructor(auth = { enabled: false, username: "", password: "" }, port = 0) {
    this.#auth = auth;
    this.#server = this.#listen(port);
    this.port = (this.#server.addr as Deno.NetAddr).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/console/`;
  }

  /** Goes away, also for those who are connected. */
  async leave(): Promise<void> {
    await this.#server.shutdown();
  }

  comeBack(): void {
    this.#server = this.#listen(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave();
  }

  #listen(port: number): Deno.HttpServer {
    const app = createApiApp({
      config: { enabled: true, listen: [], crossdomain: true, auth: this.#auth },
      view: this.view,
      identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
      now: Date.now,
      isReady: () => true,
      streams: { port: null, mounts: { "edge.example": "/[app]/[stream].flv" } },
    });
    return Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, (request) => {
      if (request.url.includes("/clients")) this.asked++;
      return app.fetch(request);
    });
  }
}

const HOSTILE = "live/<img src=x onerror=\"document.title='broken'\"><script>alert(1)</script>";
const LONG = `live/${"a-name-without-any-end-".repeat(10)}`;

/** More than anybody wants to see: long names, names that are markup, 1,002 clients. */
function crowd(): ServerSnapshot {
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
  const strange = { ...publisher!, vhost: "edge.example", stream: HOSTILE, pageUrl: HOSTILE };
  return { ...SNAPSHOT, streams, clients: [strange, player!, ...many] };
}

for (const colorScheme of ["light", "dark"] as const) {
  Deno.test(`A crowd with strange names fits a phone, ${colorScheme}`, async () => {
    await using server = new FakeServer();
    server.view.snapshotNow = crowd();
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
    await page.getByRole("searchbox").fill("nobody at all");
    await page.getByText("No client is like that.").waitFor();
    await page.getByRole("button", { name: "and 996 more" }).click();
    assertEquals(await page.locator("#client-rows tr").count(), 100);
    assertEquals(await opened.read(WIDTH), PHONE.width);
    opened.assertQuiet();
    opened.assertStayedHome();
  });
}

Deno.test("A server without streams and clients says so", async () => {
  await using server = new FakeServer();
  server.view.snapshotNow = { ...SNAPSHOT, streams: [], clients: [] };
  await using opened = await ConsolePage.open(server.url);
  for (
    const text of [
      "Nobody publishes or watches anything.",
      "No clients.",
      "No origin was lost or changed.",
      "Press Watch at a stream.",
    ]
  ) await opened.page.getByText(text).waitFor();
  opened.assertQuiet();
});

/** A server whose every number is new a moment later. */
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

Deno.test("A refresh moves nothing and leaves the focus where it is", async () => {
  await using server = new FakeServer();
  server.view.snapshotNow = numbersAt(0);
  // As narrow as it may be with the player beside the streams.
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
  const { asked } = server;
  await until("two more looks", () => server.asked >= asked + 2, { timeoutMs: PAGE_TIMEOUT_MS });
  assertEquals(await opened.read("moved"), []);
  assertEquals(await opened.read("document.activeElement.ariaLabel"), "Kick c2");
});

Deno.test("A client is kicked by keyboard, and not by one press", async () => {
  await using server = new FakeServer();
  await using opened = await ConsolePage.open(server.url);
  await opened.page.getByRole("button", { name: "Kick c2" }).focus();
  await opened.page.keyboard.press("Enter");
  await opened.page.getByText("Sure?").waitFor();
  assertEquals(server.view.kicked, []);
  await opened.page.keyboard.press("Enter");
  await opened.page.getByText("Kicked").waitFor();
  assertEquals(server.view.kicked, ["c2"]);
  opened.assertQuiet();
});

Deno.test("A server that goes away is missed, and found when it comes back", async () => {
  await using server = new FakeServer();
  await using opened = await ConsolePage.open(server.url);
  await opened.untilStatus("Live");
  await server.leave();
  await opened.untilStatus("Not reachable");
  assertMatch(
    await opened.page.getByRole("alert").innerText(),
    /^No answer from the server since [\d:]{8}: No connection$/,
  );
  server.comeBack();
  await opened.untilStatus("Live");
  assert(await opened.page.getByRole("alert").isHidden());
  const others = opened.complaints.filter((text) => !text.includes("ERR_CONNECTION_REFUSED"));
  assertEquals(others, []);
});

Deno.test("A page that nobody sees asks nothing", async () => {
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
  const { asked } = server;
  // More than a period.
  await delay(3_000);
  assertEquals(server.asked, asked);
  await setHidden(false);
  await opened.untilStatus("Live");
  assert(server.asked > asked);
});

Deno.test("The page works behind the API's password", async () => {
  const account = { username: "admin", password: "pass word" };
  await using server = new FakeServer({ enabled: true, ...account });
  await using opened = await ConsolePage.open(server.url, { httpCredentials: account });
  await opened.untilStatus("Live");
  const button = opened.page.getByRole("button", { name: "Kick c1" });
  await button.click();
  await button.click();
  await opened.page.getByText("Kicked").waitFor();
  assertEquals(server.view.kicked, ["c1"]);
});
