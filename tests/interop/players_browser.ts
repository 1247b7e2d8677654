/** Watches streams in Chromium as a viewer would. Run by `players_test.ts`. */

import axe from "axe-core/axe.min.js" with { type: "text" };
import hlsJs from "hls.js/dist/hls.min.js" with { type: "text" };
import shakaJs from "shaka-player/dist/shaka-player.compiled.js" with { type: "text" };
import { signUrl } from "../../lib/server/signature.ts";
import { assert, assertEquals, assertMatch } from "../helpers/assert.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { freePort } from "../helpers/ports.ts";
import { say } from "../helpers/say.ts";
import { addressOf, streamUrl } from "../helpers/servers.ts";
import { delay, until } from "../helpers/until.ts";
import { ConsolePage } from "./console_page.ts";
import { FailoverRig, kill, STREAM } from "./failover_rig.ts";
import { NGINX_LOW_LATENCY, startCache } from "./http_caches.ts";
import { FFMPEG } from "./publishers.ts";
import { createSample } from "./sample.ts";

/** Folder for screenshots (`EDGE_SCREENSHOTS`); empty for none. */
const screenshots = Deno.env.get("EDGE_SCREENSHOTS") ?? "";

const SIZES = [{ width: 390, height: 844 }, { width: 820, height: 1100 }, {
  width: 1280,
  height: 800,
}];

const SECRET = "0123456789abcdef";

/** A playlist that has ended. */
const EARLIER_SHOW = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-TARGETDURATION:2
#EXTINF:2.000,
${STREAM}-7.ts
#EXT-X-ENDLIST
`;

/** Expressions evaluated in the page. */
const TIME = 'document.querySelector("video").currentTime';
const FRAMES = 'document.querySelector("video").getVideoPlaybackQuality().totalVideoFrames';
const VIEW = 'document.querySelector("#player").dataset.view';
const TITLE = 'document.querySelector("#notice-title").textContent';
const STATS = 'document.querySelector("#stats").textContent';
const VIOLATIONS = `axe.run().then(({ violations }) =>
  violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`;
/** Keeps what the page shows, one after the other, in `views`. */
const RECORD_VIEWS = `globalThis.views = [];
  new MutationObserver(() => views.push(${VIEW})).observe(document.querySelector("#player"), {
    attributeFilter: ["data-view"],
  })`;
/** How often the page has asked the server about the stream. */
const ASKED = `performance.getEntriesByType("resource")
  .filter(({ name }) => name.includes("/players/state/")).length`;
const PLAYS = `${VIEW} === "playing" && ${FRAMES} > 10`;

/** Finds violations of the accessibility rules, and what is too wide, in both color schemes. */
async function inspect({ page }: ConsolePage, name: string): Promise<void> {
  for (const [index, colorScheme] of (["light", "dark"] as const).entries()) {
    await page.emulateMedia({ colorScheme });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      const width = await page.evaluate("document.documentElement.scrollWidth") as number;
      assert(width <= size.width, `${name} is ${width} wide at ${size.width}`);
      // It takes a second: once for each width, and for each scheme.
      if (size !== SIZES[index] && size !== SIZES[index + 1]) continue;
      await page.evaluate(axe);
      const found = await page.evaluate(VIOLATIONS);
      assertEquals([name, colorScheme, size.width, found], [name, colorScheme, size.width, []]);
    }
    if (screenshots !== "") {
      await page.screenshot({ path: `${screenshots}/${name}-${colorScheme}.png` });
    }
  }
}

Deno.test("A viewer finds a stream, watches it, and keeps it through a restart of the edge", async () => {
  await using rig = await FailoverRig.create();
  const sample = await createSample(rig.directory, 1);
  const origin = await rig.origin("origin");
  const [port, httpPort] = [freePort(), freePort()];
  const config = `http_server { enabled on; players on; listen 127.0.0.1:${httpPort}; }
    vhost __defaultVhost__ {
      mode remote; origin ${addressOf(origin)}; min_latency on; http_remux { enabled on; }
    }`;
  const edge = await rig.server("edge", config, { port });
  const publisher = await rig.publish(FFMPEG, sample, streamUrl(origin, STREAM));
  await using opened = await ConsolePage.open(`http://127.0.0.1:${httpPort}/`);
  const { page } = opened;
  await page.getByText("Nothing is live").waitFor();
  // An edge has no stream before someone asks for it.
  await page.getByRole("searchbox").fill(`live/${STREAM}`);
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/play/live/${STREAM}`);
  await opened.until(PLAYS);
  assertEquals(await opened.read("document.title"), `live/${STREAM}`);
  await page.keyboard.press("i");
  await opened.until(`/HTTP-FLV.*H\\.264 640×360.*kbit\\/s.*Reconnects0/.test(${STATS})`);
  await page.keyboard.press("m");
  await page.getByRole("button", { name: "Unmute" }).first().waitFor();
  await inspect(opened, "play");

  const before = await opened.read<number>(FRAMES);
  opened.complaints.length = 0;
  await kill(edge);
  await opened.until(`${VIEW} === "reconnecting"`);
  assert(await opened.read('!document.querySelector("#still").hidden'), "no last frame is shown");
  await rig.server("edge", config, { port });
  await opened.until(`${VIEW} === "playing" && ${TIME} > 1`);
  assert(await opened.read<number>(FRAMES) >= 0 && before > 0);
  assertMatch(await opened.read<string>(STATS), /Reconnects[1-9]/);

  await page.getByRole("link", { name: "All live streams" }).click();
  await page.getByRole("link", { name: STREAM }).waitFor();
  await inspect(opened, "players");
  await page.getByRole("link", { name: STREAM }).click();
  await opened.until(PLAYS);

  await opened.read(RECORD_VIEWS);
  await publisher.stop();
  await opened.until(`${TITLE} === "The stream has ended"`);
  const asked = await opened.read<number>(ASKED);
  await opened.until(`${ASKED} > ${asked}`);
  // Only the origin knows, and it says so each time.
  assertEquals([...new Set(await opened.read<string[]>("views"))], ["ended"]);
});

Deno.test("An address that names no stream says so, and one without a name shows the list", async () => {
  await using server = startLocalServer(
    "http_server { enabled on; players on; } vhost __defaultVhost__ { http_remux { enabled on; } }",
  );
  const base = `http://127.0.0.1:${server.httpPort}`;
  await using opened = await ConsolePage.open(`${base}/play/live/%zz`);
  await opened.until(`${TITLE} === "This is not the name of a stream"`);
  // The app has the name of the folder of pages.
  await opened.page.goto(`${base}/play/play/show`);
  await opened.until(`${TITLE} === "Not live yet"`);
  assertEquals(await opened.read("document.title"), "play/show");
  await opened.page.goto(`${base}/play/`);
  await opened.page.getByRole("searchbox").fill("Show");
  await opened.page.getByText("type its app, too: live/Show").waitFor();
  await opened.page.getByRole("searchbox").fill("rtmp://tv.example/live/Show?a=b");
  await opened.page.keyboard.press("Enter");
  await opened.page.waitForURL(`${base}/play/live/Show?a=b`);
  opened.assertOnlyOwnHost();
});

Deno.test("A viewer who is early waits, is told of the end, and sees the next start", async () => {
  await using rig = await FailoverRig.create();
  const sample = await createSample(rig.directory, 1);
  await using server = startLocalServer(
    `http_server { enabled on; players on; dir ${rig.directory}/html; }
     vhost __defaultVhost__ {
       min_latency on; http_remux { enabled on; }
       hls { enabled on; hls_path ${rig.directory}/html; hls_fragment 2; }
     }`,
  );
  const base = `http://127.0.0.1:${server.httpPort}`;
  const target = `rtmp://127.0.0.1:${server.port}/live/${STREAM}`;
  await Deno.mkdir(`${rig.directory}/html/live`, { recursive: true });
  await Deno.writeTextFile(`${rig.directory}/html/live/${STREAM}.m3u8`, EARLIER_SHOW);
  await using opened = await ConsolePage.open(`${base}/play/live/${STREAM}`);
  await opened.until(`${TITLE} === "Not live yet"`);
  await inspect(opened, "wait");
  await using early = await ConsolePage.open(`${base}/play/live/${STREAM}#muted&via=hls`);
  await early.until(`${TITLE} === "Not live yet"`);
  await early.read(RECORD_VIEWS);
  const publisher = await rig.publish(FFMPEG, sample, target);
  await opened.until(PLAYS);
  await early.until(PLAYS);
  // What is left of the earlier show was not played.
  assertEquals(await early.read(`views.includes("reconnecting")`), false);
  await publisher.stop();
  await opened.until(`${TITLE} === "The stream has ended"`);
  await rig.publish(FFMPEG, sample, target);
  await opened.until(PLAYS);
  opened.assertNoComplaints();
  opened.assertOnlyOwnHost();

  for (const [via, name] of [["hls", "HLS"], ["ws", "WebSocket-FLV"]] as const) {
    const url = `${base}/play/live/${STREAM}#muted&via=${via}`;
    await using other = await ConsolePage.open(url, { hasTouch: true });
    await other.page.keyboard.press("i");
    await other.until(`${PLAYS} && ${STATS}.includes("Protocol${name}")`);
    // The bar is back after a first touch; a second one pauses.
    await other.read('document.querySelector("#player").classList.add("idle")');
    for (const isPaused of [false, true]) {
      await other.page.touchscreen.tap(400, 200);
      await other.until('!document.querySelector("#player").classList.contains("idle")');
      assertEquals(await other.read('document.querySelector("video").paused'), isPaused);
    }
  }
});

Deno.test("A viewer is told of a refusal and of a codec that the browser lacks", async () => {
  await using rig = await FailoverRig.create();
  const sample = await createSample(rig.directory, 1);
  await using server = startLocalServer(
    `http_server { enabled on; players on; }
     vhost __defaultVhost__ {
       min_latency on; http_remux { enabled on; } play { sign_secret ${SECRET}; }
     }`,
  );
  await rig.publish(FFMPEG, sample, `rtmp://127.0.0.1:${server.port}/live/${STREAM}`);
  const page = `http://127.0.0.1:${server.httpPort}/play/live/${STREAM}`;
  await using opened = await ConsolePage.open(page);
  await opened.until(`${TITLE} === "You have no access to this stream"`);
  await inspect(opened, "refused");
  const stream = {
    action: "play",
    vhost: "__defaultVhost__",
    app: "live",
    stream: STREAM,
  } as const;
  const signed = signUrl(page, SECRET, stream, {
    expires: Math.floor(Date.now() / 1000) + 60,
    ip: "",
  });
  await opened.page.goto(signed);
  await opened.until(PLAYS);
  opened.assertNoComplaints();
  await opened.page.addInitScript(
    "MediaSource.isTypeSupported = (type) => !type.includes('avc1');",
  );
  await opened.page.reload();
  await opened.until(`${TITLE} === "This browser cannot play the stream"`);
  assertMatch(
    await opened.read('document.querySelector("#notice-text").textContent'),
    /The stream is in H\.264/,
  );
});

/**
 * A page that plays the list named after the `=` of its address with the player named before it,
 * and says how old the frame on the screen is.
 */
const LATENCY_PAGE = `<!DOCTYPE html><video id="video" muted></video>
<script src="hls.js"></script><script src="shaka.js"></script>
<script>
  const [name, url] = location.hash.slice(1).split("=");
  const errors = [];
  /** Each returns what tells the date of the frame on the screen. */
  const players = {
    hls() {
      // It plays faster while it is behind, as in the page for viewers.
      const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.1 });
      hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && errors.push(details));
      hls.loadSource(url);
      hls.attachMedia(video);
      return () => hls.playingDate;
    },
    shaka() {
      const player = new shaka.Player();
      player.configure({ streaming: { lowLatencyMode: true } });
      const fail = ({ severity, code }) => severity === 2 && errors.push(code);
      player.addEventListener("error", ({ detail }) => fail(detail));
      player.attach(video).then(() => player.load(url)).catch(fail);
      return () => player.getPlayheadTimeAsDate();
    },
  };
  const dateOf = players[name]();
  video.autoplay = true;
  const age = () => (Date.now() - dateOf().getTime()) / 1000;
  const ranges = () => video.buffered.length;
</script>`;

/** Watches a list with a player, and wants no frame to be older than that, and no gap. */
async function watchParts(url: string, player: string, maxAgeSeconds: number): Promise<void> {
  await using opened = await ConsolePage.open(url);
  // A browser that starts slowly begins further behind, and catches up.
  await opened.until(`${FRAMES} > 120 && age() < ${maxAgeSeconds}`);
  const ages: number[] = [];
  for (let count = 0; count < 10; count++) {
    ages.push(await opened.read<number>("age()"));
    await delay(300);
  }
  say(`  ${player}: ages of frames ${ages.map((age) => age.toFixed(2)).join(", ")} s`);
  assertEquals([player, await opened.read("errors")], [player, []]);
  // A part that Chromium does not join to the one before is a gap.
  assertEquals([player, await opened.read("ranges()")], [player, 1]);
  assert(Math.max(...ages) <= maxAgeSeconds, `${player}: frames are ${Math.max(...ages)} s old`);
}

Deno.test("hls.js shows frames of low-latency HLS within 3 s, behind nginx, too; Shaka plays it", async () => {
  await using rig = await FailoverRig.create();
  const sample = await createSample(rig.directory, 1);
  const html = `${rig.directory}/html`;
  await Deno.mkdir(html);
  await Deno.writeTextFile(`${html}/hls.js`, hlsJs);
  await Deno.writeTextFile(`${html}/shaka.js`, shakaJs);
  await Deno.writeTextFile(`${html}/latency.html`, LATENCY_PAGE);
  await using server = startLocalServer(
    `http_server { enabled on; dir ${html}; }
     vhost __defaultVhost__ { hls { enabled on; hls_path ${html}; hls_fragment 2; hls_ll on; } }`,
  );
  await rig.publish(FFMPEG, sample, `rtmp://127.0.0.1:${server.port}/live/${STREAM}`);
  const list = `/live/${STREAM}.m3u8`;
  const base = `http://127.0.0.1:${server.httpPort}`;
  const isListed = async () => /EXTINF[^]*EXTINF/.test(await (await fetch(base + list)).text());
  await until("two segments", isListed, { timeoutMs: 15_000 });
  // nginx gives up root's rights.
  await Deno.chmod(rig.directory, 0o755);
  const options = { directory: rig.directory, originPort: server.httpPort };
  await using nginx = await startCache(NGINX_LOW_LATENCY, options);
  const page = `${base}/latency.html`;
  const behindNginx = `http://127.0.0.1:${nginx.port}${list}`;
  await Promise.all([
    watchParts(`${page}#hls=${list}`, "hls.js", 3),
    watchParts(`${page}#hls=${behindNginx}`, "hls.js behind nginx", 3),
  ]);
  // It does not catch up.
  await watchParts(`${page}#shaka=${list}`, "Shaka", 12);
});
