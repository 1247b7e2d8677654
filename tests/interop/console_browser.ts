/** Uses the console page in Chromium as an operator would. Run by `console_test.ts`. */

import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { freePort } from "../helpers/ports.ts";
import type { ChildProcess } from "../helpers/processes.ts";
import { addressOf, type RtmpServer } from "../helpers/servers.ts";
import { delay, until } from "../helpers/until.ts";
import { SNAPSHOT } from "../http/fake_view.ts";
import { FakeServer, NO_AUTH } from "./console_fake.ts";
import { ConsolePage, PAGE_TIMEOUT_MS } from "./console_page.ts";
import { FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { createSample } from "./sample.ts";

/** Expressions evaluated in the page. */
const TIME = 'document.querySelector("video").currentTime';
const FRAMES = 'document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames';
const PLOT = 'document.querySelector(".plot canvas").toDataURL()';
const FOCUS = "document.activeElement.textContent";

Deno.test("An operator watches a switch of origins, reloads, kicks with a ban, and drains", async () => {
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
     }`,
  );
  rig.publishTee(sample, [a, b]);
  const player = rig.play(edge, 600);
  const playerId = await findPlayer(apiPort);

  // `http_server` redirects to the API's address.
  await using opened = await ConsolePage.open(`http://127.0.0.1:${httpPort}/console/`);
  const { page } = opened;
  assertEquals(page.url().split("#")[0], `http://127.0.0.1:${apiPort}/console/`);
  await opened.untilStatus("Live");
  await opened.until(`/^[1-9][\\d,]* kbit/.test(document.querySelector("#totals dd").textContent)`);
  await page.getByRole("button", { name: `live/${STREAM}` }).click();
  await page.getByText("H264 640×360").last().waitFor();
  await page.getByRole("button", { name: "Watch" }).click();
  await opened.until(`${TIME} > 1 && ${FRAMES} > 15`);
  const [plotBefore, framesBefore] = [await opened.read(PLOT), await opened.read<number>(FRAMES)];

  const serving = await servingOrigin(await page.locator("#diagram").innerText(), [a, b]);
  const next = serving === a ? b : a;
  await kill(serving);
  await page.locator("#diagram").getByText(`from ${addressOf(next)}`).waitFor();
  assertMatch(
    await page.locator("#diagram").innerText(),
    /1 switch\n0 frames lost, 0 doubled, [\d,]+ ms of silence/,
  );
  const timeAfter = await opened.read<number>(TIME);
  await opened.until(`${TIME} > ${timeAfter + 1} && ${FRAMES} > ${framesBefore + 20}`);
  assert(await page.locator("#player-note").isHidden(), "the player shows a note");
  assert(await opened.read(PLOT) !== plotBefore, "the plot did not change");
  await page.keyboard.press("Escape");
  await page.locator("#tab-events").click();
  const switched = page.locator("#events-table tr", { hasText: "Pull switched" });
  await switched.getByText(`to=${addressOf(next)}`).waitFor();

  await reloadThroughPage(opened, `${rig.directory}/edge.conf`);
  await kickThroughPage(opened, playerId, player);
  await page.getByText("The server ended the stream.").waitFor();
  await liftThroughPage(opened);
  await drainThroughPage(opened, edge);
  opened.assertOnlyOwnHost();
});

/** Changes a limit in the file, and reloads it. */
async function reloadThroughPage({ page }: ConsolePage, file: string): Promise<void> {
  await Deno.writeTextFile(file, "max_connections 777;\n", { append: true });
  await page.getByRole("button", { name: "Reload…" }).click();
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await page.getByText(/^Applied: max_connections: .* → 777/).waitFor();
  await page.getByRole("button", { name: "Close", exact: true }).last().click();
}

/** Kicks a player for ten minutes. It has the address of the page's own player. */
async function kickThroughPage(
  opened: ConsolePage,
  id: string,
  player: ChildProcess,
): Promise<void> {
  const { page } = opened;
  await page.locator("#tab-clients").click();
  const own = page.locator("#clients-table tr", { hasText: "HTTP-FLV" }).getByRole("button");
  for (const button of [page.getByRole("button", { name: `Kick ${id}`, exact: true }), own]) {
    await button.click();
    assertEquals(player.status === undefined, button !== own);
    await page.getByLabel("Refuse the address").selectOption("600");
    await page.locator("#dialog").getByRole("button", { name: "Kick", exact: true }).click();
    if (button !== own) {
      await player.waitFor("the end", () => player.status !== undefined, PAGE_TIMEOUT_MS);
    }
    await button.waitFor({ state: "detached" });
  }
}

/** Bans another address, and lifts the bans of both. */
async function liftThroughPage({ page }: ConsolePage): Promise<void> {
  await page.keyboard.press("6");
  await page.getByRole("button", { name: "Ban an address…" }).click();
  await page.getByLabel("IP address").fill("203.0.113.9");
  await page.locator("#dialog").getByRole("button", { name: "Ban", exact: true }).click();
  for (const ip of ["203.0.113.9", "127.0.0.1"]) {
    await page.getByRole("button", { name: `Lift the ban of ${ip}` }).click();
    await page.locator("#dialog").getByRole("button", { name: "Lift", exact: true }).click();
    await page.locator("#dialog").waitFor({ state: "hidden" });
  }
  await page.getByText("No address is banned.").waitFor();
}

/** Drains the server, which has no clients left, and so it stops. */
async function drainThroughPage(opened: ConsolePage, server: RtmpServer): Promise<void> {
  const { page } = opened;
  await page.getByRole("button", { name: "Drain…" }).click();
  await page.getByLabel("Wait at most").selectOption("30s");
  await page.getByRole("button", { name: "Drain and stop" }).click();
  const { process } = server;
  await process.waitFor("its end", () => process.status, PAGE_TIMEOUT_MS);
  await opened.untilStatus("Unreachable");
}

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

Deno.test("The page is used by keyboard, and a kick takes two presses", async () => {
  await using server = new FakeServer();
  await using opened = await ConsolePage.open(server.url);
  const { page } = opened;
  const press = async (...keys: readonly string[]) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  await page.getByRole("button", { name: "edge.example/live/room/show" }).focus();
  await press("ArrowUp");
  assertEquals(await opened.read(FOCUS), "live/show");
  await press("Enter");
  await page.locator("#detail-title", { hasText: "live/show" }).waitFor();
  assertEquals(await page.locator("#diagram").getByText("203.0.113.9").count(), 1);
  await press("Escape");
  await page.locator("#detail-title", { hasText: "Whole server" }).waitFor();
  await press("2");
  await page.getByRole("button", { name: "Kick c2" }).focus();
  await press("Enter");
  await page.getByText("Kick c2?").waitFor();
  assertEquals(server.view.kicked, []);
  await press("Escape");
  await page.locator("#dialog").waitFor({ state: "hidden" });
  assertEquals(await opened.read("document.activeElement.ariaLabel"), "Kick c2");
  await press("Enter", "Enter");
  await page.locator("#dialog").waitFor({ state: "hidden" });
  assertEquals(server.view.kicked, ["c2"]);
  await press("/");
  await page.keyboard.type("no such client");
  await page.getByText("Nothing matches.").waitFor();
  server.view.snapshotNow = { ...SNAPSHOT, streams: [], clients: [] };
  await page.getByRole("searchbox").fill("");
  await page.getByText("No clients.").waitFor();
  for (
    const [key, text] of [
      ["1", "No streams."],
      ["3", "No stream comes from another server or goes to one."],
      ["4", "No edges are connected."],
      ["5", "No events yet."],
    ]
  ) {
    await page.locator("#tab-clients").focus();
    await press(key!);
    await page.getByText(text!).waitFor();
  }
  await page.getByRole("button", { name: "Reload…" }).click();
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await page.getByText("Applied: max_connections: 1000 → 7").waitFor();
  await page.getByText("Needs a restart: workers: 1 → 2 (is fixed)").waitFor();
  await press("Escape");
  await page.getByRole("button", { name: "Drain…" }).click();
  await page.getByLabel("Send clients to").fill("rtmp://10.0.0.2");
  await press("Enter");
  await page.locator("#dialog").waitFor({ state: "hidden" });
  assertEquals(server.control.drains.map(({ target }) => target), ["rtmp://10.0.0.2"]);
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
  await opened.page.locator("#tab-clients").click();
  await opened.page.getByRole("button", { name: "Kick c1" }).click();
  await opened.page.getByRole("button", { name: "Kick", exact: true }).click();
  await opened.page.locator("#dialog").waitFor({ state: "hidden" });
  assertEquals(server.view.kicked, ["c1"]);
  await server.stop();
  await opened.untilStatus("Unreachable");
  const { length } = server.requests;
  server.restart({ ...NO_AUTH, enabled: true, username: "admin", password: "another" });
  await opened.untilStatus("Logged out");
  await opened.page.getByText("reload this page to log in (Wrong password)").waitFor();
  // Each counts as a failed login: the browser tries without the password, and with it.
  assert(server.requests.length - length <= 3, server.requests.slice(length).join());
});
