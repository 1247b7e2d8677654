/** HLS files are subject to the same rules as streams over RTMP and HTTP-FLV. */

import { signUrl } from "../../lib/server/signature.ts";
import { assertEquals, assertMatch } from "../helpers/assert.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";

/** Files that vhosts may have written, and one that none did. */
const FILES = [
  "live/show.m3u8",
  "live/show-7.ts",
  "live/show-7.ts.tmp",
  "live/show-7.m4s",
  "live/show-7-init.mp4",
  "player.html",
  "open.example/live/show.m3u8",
  "closed.example/live/show.m3u8",
  "closed.example/live/show-7.ts",
];

const PLAY_DENIED = "security { enabled on; deny play all; }";
const HLS = (root: string, more = "") => `hls { enabled on; hls_path ${root}; ${more} }`;
const BY_VHOST =
  "hls_m3u8_file [vhost]/[app]/[stream].m3u8; hls_ts_file [vhost]/[app]/[stream]-[seq].ts;";

/** Requests a file; `init` as of `fetch`. */
type Get = (path: string, init?: RequestInit) => Promise<[status: number, text: string]>;

/** A server whose `http_server` has a folder with {@linkcode FILES}. */
function hlsTest(
  name: string,
  vhosts: (root: string) => string,
  test: (get: Get) => Promise<void>,
): void {
  netTest(name, async () => {
    const root = await Deno.makeTempDir();
    try {
      for (const path of FILES) {
        await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
        await Deno.writeTextFile(`${root}/${path}`, path);
      }
      await Deno.symlink(`${root}/live`, `${root}/alias`);
      await using server = startLocalServer(
        `http_server { enabled on; dir ${root}; } ${vhosts(root)}`,
      );
      await test(async (path, init) => {
        const response = await fetch(`http://127.0.0.1:${server.httpPort}${path}`, init);
        return [response.status, await response.text()];
      });
    } finally {
      await Deno.remove(root, { recursive: true });
    }
  });
}

hlsTest(
  "security deny play all refuses HLS playlists and segments, to GET and HEAD",
  (root) => `vhost __defaultVhost__ { ${PLAY_DENIED} ${HLS(root)} }`,
  async (get) => {
    const refusal = [403, "Address 127.0.0.1 may not play here\n"] as const;
    for (const path of FILES.filter((path) => path.startsWith("live/"))) {
      assertEquals(await get(`/${path}`), [...refusal], path);
      assertEquals(await get(`/${path}`, { method: "HEAD" }), [403, ""], path);
    }
    for (const path of ["/live/show.m3u8?a=b", "/%6Cive/sh%6fw.m3u8", "/alias/show.m3u8"]) {
      assertEquals(await get(path), [...refusal], path);
    }
    assertEquals((await get("/live/none.m3u8"))[0], 404);
    assertEquals(await get("/player.html"), [200, "player.html"]);
    assertEquals((await get("/live/show.m3u8", { method: "POST" }))[0], 405);
  },
);

hlsTest(
  "refer decides about HLS by the page that embeds the player",
  (root) => `vhost __defaultVhost__ { refer { enabled on; play example.com; } ${HLS(root)} }`,
  async (get) => {
    const headers = { referer: "http://example.com/player" };
    assertEquals(await get("/live/show.m3u8", { headers }), [200, "live/show.m3u8"]);
    assertEquals((await get("/live/show.m3u8"))[0], 403);
    const other = { referer: "http://other.example/" };
    assertEquals((await get("/live/show-7.ts", { headers: other }))[0], 403);
  },
);

hlsTest(
  "A disabled vhost serves none of its HLS files",
  (root) => `vhost __defaultVhost__ { enabled off; ${HLS(root)} }`,
  async (get) => assertEquals((await get("/live/show.m3u8"))[0], 403),
);

hlsTest(
  "HLS files are served without rules, as are files of vhosts without HLS",
  (root) => `vhost __defaultVhost__ { ${HLS(root)} } vhost other.example { ${PLAY_DENIED} }`,
  async (get) => {
    for (const path of FILES) assertEquals(await get(`/${path}`), [200, path]);
  },
);

hlsTest(
  "The vhost in an HLS path decides, not the Host header",
  (root) =>
    `vhost open.example { ${HLS(root, BY_VHOST)} }
     vhost closed.example { ${PLAY_DENIED} ${HLS(root, BY_VHOST)} }`,
  async (get) => {
    assertEquals((await get("/open.example/live/show.m3u8"))[0], 200);
    assertEquals((await get("/closed.example/live/show.m3u8"))[0], 403);
    assertEquals((await get("/closed.example/live/show-7.ts"))[0], 403);
    assertEquals((await get("/live/show.m3u8"))[0], 200);
  },
);

hlsTest(
  "Only files below hls_path are HLS files",
  (root) => `vhost __defaultVhost__ { ${PLAY_DENIED} ${HLS(`${root}/open.example`)} }`,
  async (get) => {
    assertEquals((await get("/open.example/live/show.m3u8"))[0], 403);
    assertEquals((await get("/live/show.m3u8"))[0], 200);
  },
);

hlsTest(
  "The rules of every enabled vhost that may have written an HLS file apply",
  (root) =>
    `vhost open.example { ${HLS(root)} }
     vhost closed.example { ${PLAY_DENIED} ${HLS(root)} }
     vhost off.example { enabled off; ${HLS(root, BY_VHOST)} }`,
  async (get) => assertEquals((await get("/live/show.m3u8"))[0], 403),
);

hlsTest(
  "A disabled vhost does not block the HLS files of another one",
  (root) => `vhost open.example { ${HLS(root)} } vhost off.example { enabled off; ${HLS(root)} }`,
  async (get) => assertEquals((await get("/live/show.m3u8"))[0], 200),
);

const SECRET = "0123456789abcdef";
const MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nshow.m3u8\n" +
  "#EXT-X-STREAM-INF:BANDWIDTH=1\nshow_480p.m3u8\n";

netTest("A master playlist passes parameters on, and signs other renditions alike", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/live`);
    await Deno.writeTextFile(`${root}/live/show.master.m3u8`, MASTER);
    for (const name of ["show", "show_480p"]) {
      await Deno.writeTextFile(`${root}/live/${name}.m3u8`, name);
    }
    await using server = startLocalServer(
      `http_server { enabled on; dir ${root}; }
       vhost __defaultVhost__ { ${HLS(root)} play { sign_secret ${SECRET}; } }`,
    );
    const get = async (path: string): Promise<[status: number, text: string]> => {
      const response = await fetch(`http://127.0.0.1:${server.httpPort}/live/${path}`);
      return [response.status, (await response.text()).replace(/^(show\w*)\?sig=.*$/, "$1")];
    };
    assertEquals((await get("show.master.m3u8"))[0], 403);
    const stream = { action: "play", vhost: "__defaultVhost__", app: "live", stream: "show" };
    const terms = { expires: Math.floor(Date.now() / 1000) + 60, ip: "127.0.0.1" };
    const url = signUrl("show.master.m3u8?uid=7", SECRET, { ...stream, action: "play" }, terms);
    const [status, text] = await get(url);
    assertEquals(status, 200);
    const [own, other] = text.split("\n").filter((line) => /^[^#]/.test(line));
    assertEquals(own, url.replace(".master", ""));
    assertMatch(other!, /^show_480p\.m3u8\?uid=7&exp=\d+&ip=127\.0\.0\.1&sig=/);
    assertEquals(await get(own!), [200, "show"]);
    assertEquals(await get(other!), [200, "show_480p"]);
    assertEquals((await get(other!.replace("sig=", "sig=A")))[0], 403);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

netTest("The playlist of a group is its master playlist unless a stream has its name", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/live`);
    await Deno.writeTextFile(`${root}/live/show.master.m3u8`, MASTER);
    await using server = startLocalServer(
      `http_server { enabled on; dir ${root}; } vhost __defaultVhost__ { ${HLS(root)} }`,
    );
    const get = async (name: string) =>
      await (await fetch(`http://127.0.0.1:${server.httpPort}/live/${name}`)).text();
    assertEquals(await get("show.m3u8"), MASTER);
    assertEquals(await get("show.m3u8?uid=7"), MASTER.replaceAll(".m3u8", ".m3u8?uid=7"));
    await Deno.writeTextFile(`${root}/live/show.m3u8`, "media");
    assertEquals(await get("show.m3u8"), "media");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
