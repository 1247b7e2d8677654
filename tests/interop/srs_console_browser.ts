/** SRS's console in Chromium, page by page. Run by `srs_console_test.ts`. */

import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { startEdge } from "../helpers/edge_server.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { streamUrl } from "../helpers/servers.ts";
import { delay, until } from "../helpers/until.ts";
import { ConsolePage } from "./console_page.ts";
import { FFMPEG, publish } from "./publishers.ts";
import { createSample } from "./sample.ts";

/** Its files. */
const folder = Deno.env.get("EDGE_SRS_CONSOLE")!;
/** Folder for screenshots (`EDGE_SCREENSHOTS`); empty for none. */
const screenshots = Deno.env.get("EDGE_SCREENSHOTS") ?? "";

/** What each page must show when it is filled. `NaN` and `undefined` must be nowhere. */
const PAGES = [
  [
    "summaries",
    /SRS\/\d+\.\d+\.\d+.*Memory\s+\d+% \d+MB \/ \d+GB.*OS System.*Load\s+\d+\.\d\d/,
  ],
  ["vhosts", /__defaultVhost__.*Enabled/],
  ["vhosts/first", /__defaultVhost__.*Enabled/],
  ["streams", /show.*H264\/High.*640x360.*AAC\/.*Mono\/LC/],
  ["streams/first", /show.*H264\/High.*640x360.*AAC\/.*Mono\/LC/],
  ["clients", /127\.0\.0\.1.*Publish.*127\.0\.0\.1.*Play/],
  ["clients/first", /127\.0\.0\.1.*rtmp:\/\/127.0.0.1:\d+\/live/],
  ["configs", /http_api\.enabled\s+Enabled.*http_api\.listen\s+\S*\d+.*allow_reload/],
] as const;

Deno.test("SRS's console shows every page filled, without an error", async () => {
  const directory = await Deno.makeTempDir({ prefix: "edge-srs-console-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  // Links that lead out of the served folder are not followed.
  const copy = startProcess({
    name: "cp",
    command: ["cp", "-r", folder, `${directory}/console`],
  });
  await copy.waitForSuccess(10_000);
  const [apiPort, httpPort] = [freePort(), freePort()];
  const server = await startEdge({
    name: "server",
    directory,
    vhosts: `http_api { enabled on; listen 127.0.0.1:${apiPort}; jsonp on; }
        http_server { enabled on; listen 127.0.0.1:${httpPort}; dir ${directory}; }
        vhost __defaultVhost__ { http_remux { enabled on; } hls { enabled on; hls_path ${directory}; } }`,
  });
  stack.use(server.process);
  const sample = await createSample(directory, 1);
  stack.use(await publish(FFMPEG, { sample, url: streamUrl(server, "show") }));
  stack.use(await RtmpClient.play(server.port, "show"));
  const flv = await fetch(`http://127.0.0.1:${httpPort}/live/show.flv`);
  stack.defer(() => flv.body!.cancel());
  const api = `http://127.0.0.1:${apiPort}/api/v1`;
  const first = async (list: "vhosts" | "streams" | "clients") =>
    (await (await fetch(`${api}/${list}`)).json())[list][0].id;
  const console = `http://127.0.0.1:${httpPort}/console/en_index.html`;
  const query = `?schema=http&host=127.0.0.1&port=${apiPort}`;
  await using opened = await ConsolePage.open("about:blank");
  const { page } = opened;
  // It counts its visits and shows badges.
  await page.route(({ hostname }) => hostname !== "127.0.0.1", (route) => route.fulfill());
  await delay(3000);
  for (const [path, filled] of PAGES) {
    const [list, one] = path.split("/") as ["streams", string?];
    const target = one === undefined ? path : `${list}/${await first(list)}`;
    await page.goto("about:blank");
    await page.goto(`${console}#/${target}${query}`);
    const text = async () => (await page.locator("[ng-view]").innerText()).replace(/\s+/g, " ");
    await until(path, async () => filled.test(await text()), { timeoutMs: 15_000 }).catch(
      () => {},
    );
    // Rates take two samples.
    if (path === "summaries") await delay(4000);
    if (screenshots !== "") {
      await page.screenshot({ path: `${screenshots}/srs-${path.replace("/", "-")}.png` });
    }
    say(`  ${path}: ${await text()}`);
    assertMatch(await text(), filled);
    assert(!/NaN|undefined|Infinity|Unknown/.test(await text()), path);
  }
  assertEquals(opened.complaints, []);
});
