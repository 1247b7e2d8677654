/**
 * hls.js and Shaka play streams of different codecs that follow each other under one name.
 * `hls_web_players_test.ts` runs this file.
 */

import hlsJs from "hls.js/dist/hls.min.js" with { type: "text" };
import shakaJs from "shaka-player/dist/shaka-player.compiled.js" with { type: "text" };
import { readFlv } from "../../lib/media/flv_file.ts";
import { AV1_OPUS_FLV } from "../fixtures/av1_opus_flv.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { say } from "../helpers/say.ts";
import { delay, until } from "../helpers/until.ts";
import { ConsolePage } from "./console_page.ts";

const PLAYERS = ["hls", "shaka"] as const;

/** Width of the AV1 video in the fixture, and of the H.264 video. */
const AV1_WIDTH = 980;
const AVC_WIDTH = 320;
const AVC_SECONDS = 10;

/** What the page recorded. */
interface Watched {
  /** Fatal ones. */
  readonly errors: readonly string[];
  readonly widths: readonly number[];
  readonly frames: number;
  /** Of hls.js, in seconds. */
  readonly targetLatency: number;
  readonly ends: number;
}

/** Publishes the fixture in real time. */
async function publishAv1(port: number): Promise<void> {
  await using client = await RtmpClient.publish(port, "show");
  const startMs = performance.now();
  for (const tag of readFlv(AV1_OPUS_FLV).tags) {
    await delay(Math.max(0, startMs + tag.timestampMs - performance.now()));
    client.push(tag);
  }
  client.sendCommand("deleteStream", [null, 1]);
  await client.barrier();
}

/** Publishes 29.97 frames per second with a keyframe every 2.002 s. */
async function publishAvc(port: number): Promise<void> {
  const video = `testsrc2=size=${AVC_WIDTH}x180:rate=30000/1001`;
  await using ffmpeg = startProcess({
    name: "ffmpeg",
    command: [
      ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", video] as const,
      ...["-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100"],
      ...["-t", String(AVC_SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-g", "60"],
      ...["-keyint_min", "60", "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:a", "aac"],
      ...["-f", "flv", `rtmp://127.0.0.1:${port}/live/show`],
    ],
  });
  await ffmpeg.waitForSuccess(60_000);
}

Deno.test("hls.js and Shaka play AV1, H.264 and AV1 under one name without a fatal error", async () => {
  await using stack = new AsyncDisposableStack();
  const root = await Deno.makeTempDir({ prefix: "edge-hls-web-" });
  stack.defer(() => Deno.remove(root, { recursive: true }));
  await Deno.writeTextFile(`${root}/hls.js`, hlsJs);
  await Deno.writeTextFile(`${root}/shaka.js`, shakaJs);
  await Deno.copyFile(new URL("hls_web_players.html", import.meta.url), `${root}/watch.html`);
  const server = stack.use(startLocalServer(
    `http_server { enabled on; dir ${root}; }
     vhost __defaultVhost__ { hls { enabled on; hls_path ${root}; hls_fragment 2; } }`,
  ));
  const base = `http://127.0.0.1:${server.httpPort}`;

  const first = publishAv1(server.port);
  await until("the first segment", async () => (await fetch(`${base}/live/show.m3u8`)).ok, {
    timeoutMs: 30_000,
  });
  const pages = await Promise.all(
    PLAYERS.map((player) => ConsolePage.open(`${base}/watch.html#${player}`)),
  );
  for (const page of pages) stack.use(page);
  await first;
  await publishAvc(server.port);
  // The new list is complete when players have seen the end of the old one.
  await delay(3000);
  const latency = (await pages[0]!.read<Watched>("watched")).targetLatency;
  await publishAv1(server.port);
  for (const [index, page] of pages.entries()) {
    const isOver = async () => (await page.read<Watched>("watched")).ends >= 3;
    await until(`the end in ${PLAYERS[index]}`, isOver, { timeoutMs: 40_000 }).catch(() => {});
    const { errors, widths, frames, ends } = await page.read<Watched>("watched");
    say(`  ${PLAYERS[index]}: ${frames} frames, ${ends} ends, widths ${widths.join()}`);
    assertEquals(errors, []);
    assertEquals([...new Set(widths)], [AV1_WIDTH, AVC_WIDTH]);
    assertEquals(widths.at(-1), AV1_WIDTH);
    assert(frames > 600, `only ${frames} frames`);
  }
  assertEquals(latency, 6);
});
