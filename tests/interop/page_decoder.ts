/**
 * Plays the FLV stream at the URL given, by mpegts.js in Chromium, until it is stopped. Prints what
 * it has seen as a line of JSON, again and again. Run by `slate_test.ts`.
 */

import mpegtsJs from "mpegts.js/dist/mpegts.js" with { type: "text" };
import { delay } from "../helpers/until.ts";
import { ConsolePage } from "./console_page.ts";

const PERIOD_MS = 100;

const PAGE = `<!DOCTYPE html><video id="video" muted></video><script src="mpegts.js"></script>
<script>
  const errors = [];
  let newest = 0;
  const player = mpegts.createPlayer(
    { type: "flv", isLive: true, url: URL_OF_STREAM },
    { liveBufferLatencyChasing: true },
  );
  player.on(mpegts.Events.ERROR, (...parts) => errors.push(JSON.stringify(parts)));
  video.addEventListener("error", () => errors.push(video.error.message));
  player.attachMediaElement(video);
  player.load();
  player.play();
  setInterval(() => {
    const now = video.currentTime;
    if (now < newest) errors.push("time goes back from " + newest + " to " + now);
    newest = now;
  }, 20);
  const report = () => ({ frames: video.getVideoPlaybackQuality().totalVideoFrames, errors });
</script>`;

const [url] = Deno.args;
const { origin } = new URL(url!);
await using opened = await ConsolePage.open("about:blank");
const { page } = opened;
await page.route(`${origin}/decoder/*`, (route) =>
  route.fulfill(
    route.request().url().endsWith("mpegts.js")
      ? { contentType: "text/javascript", body: mpegtsJs }
      : { contentType: "text/html", body: PAGE.replace("URL_OF_STREAM", JSON.stringify(url)) },
  ));
await page.goto(`${origin}/decoder/page`);
while (true) {
  // deno-lint-ignore no-console
  console.log(JSON.stringify(await opened.read("report()")));
  await delay(PERIOD_MS);
}
