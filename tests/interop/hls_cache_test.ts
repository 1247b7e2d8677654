/**
 * HLS through real HTTP caches, configured as `docs/hls-edge.md` says: what 100 players cost the
 * origin, and what they see while it restarts, freezes or is down.
 */

import { assert, assertEquals } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";
import { type ChildProcess, startProcess } from "../helpers/processes.ts";
import { findPrograms, hasProgram } from "../helpers/programs.ts";
import { delay, until } from "../helpers/until.ts";
import {
  type Flaw,
  type HttpCache,
  NGINX,
  type RunningCache,
  SQUID,
  startCache,
  TRAFFICSERVER,
  VARNISH,
} from "./http_caches.ts";
import { HlsOrigin, type OriginRequest } from "./hls_origin.ts";
import { HlsCrowd } from "./hls_players.ts";

/** Requests at once, to caches without players. */
const PLAYERS = 200;
/** Players that stay while the origin restarts. */
const CROWD = 100;
const TIMEOUT_MS = 20_000;
/** How long players watch while their requests are counted. */
const WATCH_MS = 3_000;
/** How long the origin is down. */
const OUTAGE_MS = 8_000;
/** `max-age` of playlists. Caches count in whole seconds, so up to two. */
const LIFETIME_MS = 2_000;
/** What a busy machine adds to any time. */
const SLACK_MS = 1_000;
/** Requests that squid lets through together arrive within this time. */
const MOMENT_MS = 250;
/** Maximum connections to the origin, for everything that players request. */
const MAX_CONNECTIONS = 8;

const PLAYLIST = "/live/show.m3u8";

const granted = await needs("net", "read", "write", "run", "env");
const CACHES: readonly HttpCache[] = [NGINX, SQUID, VARNISH, TRAFFICSERVER];
const present = granted.ignore ? [] : await findPrograms(CACHES.map(({ name }) => name));
const hasEncoder = !granted.ignore && await hasProgram("ffmpeg");

/** An origin and a cache in front of it. */
class Scene {
  readonly origin: HlsOrigin;
  readonly cache: RunningCache;

  constructor(origin: HlsOrigin, cache: RunningCache) {
    this.origin = origin;
    this.cache = cache;
  }

  /** Returns the URL of `path` at the cache. */
  url(path: string): string {
    return `http://127.0.0.1:${this.cache.port}${path}`;
  }

  /** Sends a request to the cache, and reads the body. */
  async get(path: string, headers: HeadersInit = {}): Promise<Response> {
    const response = await fetch(this.url(path), { headers });
    const body = await response.arrayBuffer();
    return new Response(body.byteLength === 0 ? null : body, response);
  }

  /** Sends `count` requests at once. @returns how many answers had each status */
  async getMany(path: string, count = PLAYERS): Promise<Record<number, number>> {
    const answers = await Promise.all(Array.from({ length: count }, () => this.get(path)));
    const counts: Record<number, number> = {};
    for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
    return counts;
  }

  /** Sends requests while the origin is frozen, until all of them have reached the cache. */
  async getManyWhileFrozen(path: string): Promise<Record<number, number>> {
    // Put the answer in the middle of a second: squid considers a playlist stale when the second is
    // over.
    await delay(1000 - Date.now() % 1000);
    const { answers } = await this.origin.whileFrozen(async () => {
      const answers = this.getMany(path);
      await delay(400);
      return { answers };
    });
    return await answers;
  }

  /** Returns how often the origin was asked for `path`, including before its restart. */
  asked(path: string): number {
    return this.origin.requests.filter((request) => request.path === path).length;
  }

  /** Publishes the stream whose playlist is {@linkcode PLAYLIST}, with a keyframe every second. */
  publish(): ChildProcess {
    const command = [
      ...["ffmpeg", "-nostdin", "-v", "error", "-re"] as const,
      ...["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-f", "lavfi", "-i", "sine"],
      ...["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "100k", "-g", "25", "-pix_fmt"],
      ...["yuv420p", "-sc_threshold", "0", "-c:a", "aac", "-f", "flv", this.origin.publishUrl],
    ] as const;
    return startProcess({ name: "publisher", command });
  }
}

/** Runs a test with an origin and a cache in front of it. */
async function inScene(cache: HttpCache, test: (scene: Scene) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    await using origin = new HlsOrigin(directory);
    await origin.start();
    await using running = await startCache(cache, { directory, originPort: origin.httpPort });
    await test(new Scene(origin, running));
  });
}

async function inDirectory(act: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "edge-cache-" });
  // Caches give up root's rights.
  await Deno.chmod(directory, 0o755);
  try {
    await act(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What a cache does with files that do not change. */
interface Trait {
  readonly name: string;
  /** Caches with this flaw are not tested. */
  readonly unless?: Flaw;
  test(scene: Scene, cache: HttpCache): Promise<void>;
}

/** Tests players that stay while the origin restarts. */
async function testPlayers(scene: Scene, cache: HttpCache): Promise<void> {
  const { origin } = scene;
  using history = new PlaylistHistory(origin.html + PLAYLIST);
  await using first = scene.publish();
  await first.waitFor("a playlist", () => history.hasBegun, TIMEOUT_MS);
  const startMs = Date.now();
  await using crowd = new HlsCrowd(scene.url(PLAYLIST), CROWD);
  await delay(WATCH_MS);
  const asked = origin.requests.length;
  assertCosts(cache, origin.requests, WATCH_MS);
  assertSegmentsAskedOnce(cache, origin);
  assertNoneStale(crowd, history);
  assertEquals(crowd.failures, []);
  await origin.stop();
  await first.stop();
  await delay(OUTAGE_MS);
  const { newest } = crowd;
  await origin.start();
  const restartMs = Date.now();
  await using second = scene.publish();
  await second.waitFor("new segments for all", () => crowd.newest > newest + 1, TIMEOUT_MS);
  await crowd.stop();
  assertCosts(cache, origin.requests.slice(asked), Date.now() - restartMs);
  // Without extra requests, both phases together may cost no more than one.
  if (!isLeaking(cache)) assertCosts(cache, origin.requests, Date.now() - startMs);
  assertSegmentsAskedOnce(cache, origin);
  // A segment written just before the stop may be missing until the restart; the playlist never is.
  const failures = crowd.failures.filter((failure) => failure.endsWith(".m3u8"));
  const allowed = isLeaking(cache) ? CROWD : 0;
  assert(failures.length <= allowed, `${failures.length}: ${failures.slice(0, 3).join("\n")}`);
  assertAllTheSame(crowd);
}

function isLeaking({ flaws }: HttpCache): boolean {
  return flaws.includes("leaks at renewals");
}

/**
 * Checks that every player received every segment from its first one on, and that all got the same
 * files.
 */
function assertAllTheSame({ players, sizes }: HlsCrowd): void {
  for (const { segments } of players) {
    assertEquals(segments, segments.map((_, index) => segments[0]! + index));
  }
  for (const [url, ofFile] of sizes) {
    if (!url.endsWith(".m3u8")) assertEquals(ofFile.size, 1, url);
  }
}

/** Records when each text of a playlist was replaced on disk by the next. */
class PlaylistHistory implements Disposable {
  readonly #replacedMs = new Map<string, number>();
  readonly #path: string;
  readonly #timer: ReturnType<typeof setInterval>;
  #text = "";

  constructor(path: string) {
    this.#path = path;
    this.#timer = setInterval(() => this.#look(), 20);
  }

  get hasBegun(): boolean {
    return this.#text !== "";
  }

  /** Returns how long before `timeMs` the text was replaced; negative if it was not. */
  staleMs(text: string, timeMs: number): number {
    return timeMs - (this.#replacedMs.get(text) ?? Infinity);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    try {
      const text = Deno.readTextFileSync(this.#path);
      if (text !== this.#text) this.#replacedMs.set(this.#text, Date.now());
      this.#text = text;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/**
 * Checks what 200 players cost the origin when they all arrived at once and stayed for `watchedMs`:
 * one playlist per second. squid also lets requests through that arrive at the moment of a renewal,
 * each over its own connection (docs/hls-edge.md): all requests of one such moment count as one.
 */
function assertCosts(
  cache: HttpCache,
  requests: readonly OriginRequest[],
  watchedMs: number,
): void {
  const mostTogether = isLeaking(cache) ? CROWD / 2 : 1;
  const list = requests.map(({ time, peer, path, status }) => `${time} ${peer} ${path} ${status}`);
  const all = `, all requests:\n${list.join("\n")}`;
  const playlists = requests.filter(({ path, status }) => path === PLAYLIST && status !== 404);
  const sizes = isLeaking(cache) ? momentsOf(playlists) : playlists.map(() => 1);
  assert(sizes.length <= watchedMs / 1000 + 2, `the playlist was asked for ${sizes}${all}`);
  assert(Math.max(...sizes) <= mostTogether, `the playlist was asked for ${sizes}${all}`);
  const connections = new Set(requests.map(({ peer }) => peer)).size;
  assert(connections < mostTogether + MAX_CONNECTIONS, `${connections} connections${all}`);
}

/** Returns the number of requests in each moment that had any. */
function momentsOf(requests: readonly OriginRequest[]): number[] {
  const sizes: number[] = [];
  let beganMs = -Infinity;
  for (const { time } of requests) {
    const ms = Date.parse(`1970-01-01T${time}Z`);
    if (Math.abs(ms - beganMs) > MOMENT_MS) {
      sizes.push(0);
      beganMs = ms;
    }
    sizes[sizes.length - 1]!++;
  }
  return sizes;
}

function assertSegmentsAskedOnce(cache: HttpCache, { requests }: HlsOrigin): void {
  const counts = new Map<string, number>();
  for (const { path, status } of requests) {
    if (path !== PLAYLIST && status !== 404) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  assert(counts.size >= 2, `only ${counts.size} segments`);
  for (const [path, count] of counts) assertAskedOnce(cache, path, count);
}

function assertAskedOnce({ flaws }: HttpCache, path: string, count: number): void {
  const most = flaws.includes("may ask twice") ? 2 : 1;
  assert(count >= 1 && count <= most, `${path} was asked for ${count} times`);
}

function assertNoneStale({ playlists }: HlsCrowd, history: PlaylistHistory): void {
  const staleMs = Math.max(...playlists.map(({ text, sentMs }) => history.staleMs(text, sentMs)));
  assert(staleMs <= LIFETIME_MS + SLACK_MS, `a playlist was out of date for ${staleMs} ms`);
}

/** One file of each kind, with its type and how long it may be cached. */
const FILES = [
  ["/kinds/show.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1, stale-if-error=30"],
  ["/kinds/show-1.ts", "video/mp2t", "public, max-age=3600, immutable"],
  ["/kinds/show-1.m4s", "video/iso.segment", "public, max-age=3600, immutable"],
  ["/kinds/show-1-init.mp4", "video/mp4", "public, max-age=3600, immutable"],
] as const;

/** A large segment. */
const LARGE = new Uint8Array(6_000_000).map((_, index) => index % 251);

const TRAITS: readonly Trait[] = [
  {
    name: "200 simultaneous first requests reach the origin as one",
    async test(scene, cache) {
      for (const [name] of FILES) {
        const path = `/first${name}`;
        await scene.origin.write(path, "content");
        assertEquals(await scene.getManyWhileFrozen(path), { 200: PLAYERS }, path);
        assertAskedOnce(cache, path, scene.asked(path));
      }
    },
  },
  {
    name: "200 simultaneous requests for a stale playlist reach the origin as one",
    async test(scene) {
      const path = "/over/show.m3u8";
      await scene.origin.write(path, "one");
      await scene.get(path);
      await delay(LIFETIME_MS);
      await scene.origin.write(path, "other");
      assertEquals(await scene.getManyWhileFrozen(path), { 200: PLAYERS });
      // Varnish answers at once, and renews it meanwhile.
      await until("the renewal", () => scene.asked(path) > 1, { timeoutMs: TIMEOUT_MS });
      assertEquals(scene.asked(path), 2);
    },
  },
  {
    name: "a large segment is fetched once",
    async test(scene, cache) {
      await scene.origin.write("/whole.ts", LARGE);
      assertEquals(await scene.getMany("/whole.ts", 10), { 200: 10 });
      assertEquals(await (await scene.get("/whole.ts")).bytes(), LARGE);
      assertAskedOnce(cache, "/whole.ts", scene.asked("/whole.ts"));
    },
  },
  {
    name: "a segment that is requested in parts is fetched once",
    unless: "fetches parts",
    async test(scene) {
      await scene.origin.write("/parts.ts", LARGE);
      for (
        const [first, last] of [[1_000_000, 1_999_999], [0, 99], [5_999_999, 5_999_999]] as const
      ) {
        const part = await scene.get("/parts.ts", { range: `bytes=${first}-${last}` });
        assertEquals(part.status, 206);
        assertEquals(await part.bytes(), LARGE.subarray(first, last + 1));
      }
      assertEquals(scene.asked("/parts.ts"), 1);
    },
  },
  {
    name: "the origin's headers reach every player",
    async test(scene) {
      for (const [path, type, cacheControl] of FILES) {
        await scene.origin.write(path, "content");
        let etag = "";
        for (const headers of [{}, { "cache-control": "no-cache", "pragma": "no-cache" }]) {
          const answer = await scene.get(path, { "origin": "http://page.example", ...headers });
          assertEquals(await answer.text(), "content");
          assertEquals(answer.headers.get("content-type"), type);
          assertEquals(answer.headers.get("cache-control"), cacheControl);
          assertEquals(answer.headers.get("access-control-allow-origin"), "*");
          etag = answer.headers.get("etag")!;
        }
        if (path.endsWith(".m3u8")) continue;
        assertEquals((await scene.get(path, { "if-none-match": etag })).status, 304);
        assertEquals(scene.asked(path), 1, path);
      }
    },
  },
  {
    name: "players' tokens are not part of the cache key of a segment",
    async test(scene) {
      await scene.origin.write("/token/show-1.ts", "content");
      for (const token of ["a", "b", "c"]) {
        assertEquals((await scene.get(`/token/show-1.ts?token=${token}`)).status, 200);
      }
      assertEquals(scene.asked("/token/show-1.ts"), 1);
    },
  },
  {
    name: "only HLS files are served",
    unless: "serves all files",
    async test(scene) {
      const { length } = scene.origin.requests;
      for (const path of ["/live/show.flv", "/api/v1/streams", "/", "/show.m3u8/x", "/x.html"]) {
        const { status } = await scene.get(path);
        assert(status === 403 || status === 404, `${path} is ${status}`);
      }
      assertEquals(scene.origin.requests.length, length);
    },
  },
  {
    name: "a missing file is cached briefly",
    async test(scene, cache) {
      const path = "/missing/show.m3u8";
      const startMs = Date.now();
      for (let round = 0; round < 3; round++) {
        assertEquals(await scene.getMany(path), { 404: PLAYERS });
      }
      const seconds = Math.ceil((Date.now() - startMs) / 1000);
      const most = cache.flaws.includes("asks for missing files") ? PLAYERS / 4 : seconds + 1;
      assert(scene.asked(path) <= most, `${scene.asked(path)} times`);
      await scene.origin.write(path, "content");
      const isThere = async () => (await scene.get(path)).status === 200;
      await until(path, isThere, { timeoutMs: LIFETIME_MS + SLACK_MS });
    },
  },
  {
    name: "players get the last playlist while the origin is frozen",
    async test(scene, cache) {
      const path = "/frozen/show.m3u8";
      await scene.origin.write(path, "one");
      assertEquals((await scene.get(path)).status, 200);
      await delay(LIFETIME_MS);
      await scene.origin.whileFrozen(async () => {
        const answers = await scene.getMany(path, 50);
        const isWaiting = cache.flaws.includes("waits while frozen");
        assertEquals(Object.keys(answers), isWaiting ? ["200", "504"] : ["200"]);
        await scene.origin.write(path, "other");
      });
      const isOther = async () => await (await scene.get(path)).text() === "other";
      await until("the new playlist", isOther, { timeoutMs: LIFETIME_MS + SLACK_MS });
    },
  },
];

/** How long the cache may serve a stale playlist; shorter here than the real 30 s. */
const STALE_MS = 2_000;

async function testStaleIfError(cache: HttpCache): Promise<void> {
  const headers = { "cache-control": `public, max-age=1, stale-if-error=${STALE_MS / 1000}` };
  const handler = () => new Response("#EXTM3U", { headers });
  const origin = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  await inDirectory(async (directory) => {
    await using running = await startCache(cache, { directory, originPort: origin.addr.port });
    const status = async () => {
      const response = await fetch(`http://127.0.0.1:${running.port}/show.m3u8`);
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status(), 200);
    const startMs = Date.now();
    await origin.shutdown();
    const timeoutMs = LIFETIME_MS + STALE_MS + SLACK_MS;
    await until("an error", async () => await status() >= 500, { timeoutMs });
    const keptMs = Date.now() - startMs;
    assert(keptMs >= STALE_MS, `the stale playlist was served for only ${keptMs} ms`);
  });
}

for (const cache of CACHES) {
  const { name } = cache;
  const ignore = !present.includes(name);
  Deno.test({
    ignore: ignore || !hasEncoder,
    name: `${name}: 100 HLS players cost the origin one request per object`,
    fn: () => inScene(cache, (scene) => testPlayers(scene, cache)),
  });
  Deno.test({
    ignore,
    name: `${name} treats HLS files as docs/hls-edge.md says`,
    fn: (t) =>
      inScene(cache, async (scene) => {
        for (const { name, unless, test } of TRAITS) {
          const isKept = unless === undefined || !cache.flaws.includes(unless);
          if (isKept) await t.step(name, () => test(scene, cache));
        }
      }),
  });
  if (cache.flaws.includes("ignores stale-if-error")) continue;
  Deno.test({
    ignore,
    name: `${name}: players get the last playlist for stale-if-error, then an error`,
    fn: () => testStaleIfError(cache),
  });
}
