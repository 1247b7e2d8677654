/**
 * Low-latency HLS behind nginx with the block of `docs/hls-edge.md`: what 20 players cost the
 * origin, whether what they see keeps to RFC 8216bis, and what ffmpeg gets.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { type LocalServer, startLocalServer } from "../helpers/local_server.ts";
import { describeMismatch } from "../helpers/packet_match.ts";
import { needs } from "../helpers/permissions.ts";
import { startProcess } from "../helpers/processes.ts";
import { findPrograms } from "../helpers/programs.ts";
import { say } from "../helpers/say.ts";
import { until } from "../helpers/until.ts";
import { findFaults } from "../hls/ll_validator.ts";
import { NGINX_LOW_LATENCY, startCache } from "./http_caches.ts";
import { FFMPEG, publish } from "./publishers.ts";
import { createSample, parseHashes, type Sample } from "./sample.ts";

const STREAM = "show";
const FRAMES_PER_SECOND = 10;
const PLAYERS = 20;
/** Parts that the players see; a segment has five. */
const PARTS = 12;
const TIMEOUT_MS = 60_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore &&
  (await findPrograms(["nginx", "ffmpeg"])).length === 2;

/** Players without a decoder: they ask for each part when it is announced, as hls.js does. */
class PartCrowd implements AsyncDisposable {
  /** Playlists as the first player saw them, each once. */
  readonly playlists: string[] = [];
  /** What went wrong. */
  readonly failures: string[] = [];
  readonly #players: readonly Promise<void>[];
  #isOver = false;

  constructor(base: string, count: number) {
    this.#players = Array.from({ length: count }, (_, index) => this.#play(base, index === 0));
  }

  async #play(base: string, isFirst: boolean): Promise<void> {
    let query = "";
    const seen = new Set<string>();
    while (!this.#isOver) {
      const text = await this.#get(`${base}${STREAM}.m3u8${query}`);
      if (text === null) continue;
      if (isFirst && this.playlists.at(-1) !== text) this.playlists.push(text);
      const uris = Array.from(text.matchAll(/#EXT-X-PART:.*URI="([^"]+)"/g), ([, uri]) => uri!);
      const newest = uris.slice(-2).filter((uri) => !seen.has(uri));
      for (const uri of newest) {
        seen.add(uri);
        await this.#get(base + uri);
      }
      query = nextQuery(text);
    }
  }

  async #get(url: string): Promise<string | null> {
    const response = await fetch(url);
    const text = await response.text();
    if (response.ok) return text;
    if (!this.#isOver) this.failures.push(`${response.status} ${url}`);
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#players);
  }
}

/** Asks for the part that follows what a playlist has (RFC 8216bis §6.2.5.2). */
function nextQuery(text: string): string {
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)![1]);
  const segments = text.split("#EXTINF:");
  const parts = segments.at(-1)!.match(/#EXT-X-PART:/g)?.length ?? 0;
  return `?_HLS_msn=${first + segments.length - 1}&_HLS_part=${parts}`;
}

/** Returns how often the server answered requests for paths that match, by path. */
function countRequests({ log }: LocalServer, path: RegExp): Map<string, number> {
  const paths = log.lines.filter(({ message }) => message === "Request answered")
    .map(({ fields }) => JSON.parse(String(fields["path"])) as string).filter((each) =>
      path.test(each)
    );
  return new Map([...Map.groupBy(paths, (each) => each)].map(([each, all]) => [each, all.length]));
}

async function testFfmpeg(url: string, sample: Sample): Promise<void> {
  await using player = startProcess({
    name: "ffmpeg",
    command: [
      ...["ffmpeg", "-nostdin", "-v", "error", "-i", url, "-map", "0:v", "-c", "copy"] as const,
      ...["-t", "4", "-f", "framemd5", "-"],
    ],
  });
  await player.waitForSuccess(TIMEOUT_MS);
  const hashes = parseHashes(player.stdout);
  assert(hashes.length > 3 * FRAMES_PER_SECOND, `${hashes.length} frames`);
  assertEquals(describeMismatch(sample.videoHashes, hashes), undefined);
}

Deno.test({
  name: "Behind nginx, low-latency HLS costs the origin one request for each part and playlist",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using stack = new AsyncDisposableStack();
      // nginx gives up root's rights.
      await Deno.chmod(directory, 0o755);
      const sample = await createSample(directory, 1, FRAMES_PER_SECOND);
      const hls = `hls { enabled on; hls_path ${directory}/html; hls_fragment 2; hls_ll on; }`;
      const server = stack.use(startLocalServer(
        `http_server { enabled on; dir ${directory}/html; } vhost __defaultVhost__ { ${hls} }`,
      ));
      const url = `rtmp://127.0.0.1:${server.port}/live/${STREAM}`;
      stack.use(await publish(FFMPEG, { sample, url }));
      const direct = `http://127.0.0.1:${server.httpPort}/live/${STREAM}.m3u8`;
      const isListed = async () => /EXTINF[^]*EXTINF/.test(await (await fetch(direct)).text());
      await until("two segments", isListed, { timeoutMs: TIMEOUT_MS });
      const nginx = stack.use(
        await startCache(NGINX_LOW_LATENCY, { directory, originPort: server.httpPort }),
      );
      const base = `http://127.0.0.1:${nginx.port}/live/`;
      server.log.lines.length = 0;
      const parts = () => countRequests(server, /\.part\d+\.m4s$/);
      const playlists = () => [...countRequests(server, /\.m3u8$/).values()][0] ?? 0;
      {
        await using crowd = new PartCrowd(base, PLAYERS);
        await until("parts", () => parts().size >= PARTS, { timeoutMs: TIMEOUT_MS });
        say(`  ${PLAYERS} players: ${parts().size} parts, ${playlists()} playlists at the origin`);
        // One playlist for each part, and the first one without a position.
        assert(playlists() <= parts().size + 4, `${playlists()} playlists`);
        assertEquals([...parts()].filter(([, count]) => count > 1), []);
        assertEquals(crowd.failures, []);
        assert(crowd.playlists.length > PARTS / 2, `${crowd.playlists.length} playlists`);
        assertEquals(findFaults(crowd.playlists), []);
      }
      await testFfmpeg(`${base}${STREAM}.m3u8`, sample);
    }),
});
