import { StaticFiles } from "../../lib/http/static_files.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../helpers/assert.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";

/** Admits every client to every file. */
const ADMIT = {
  objectionTo: () => Promise.resolve(null),
  rewriteOf: () => Promise.resolve(null),
  untilWritten: () => Promise.resolve(null),
};

const granted = await needs("read", "write");

/** Inside the served folder, and next to it. */
const FILES: Readonly<Record<string, string>> = {
  "www/live/show.m3u8": "#EXTM3U\n",
  "www/live/show-1.ts": "0123456789",
  "www/live/show.m4s": "m4s",
  "www/live/show-1-init.mp4": "init",
  "www/live/film.mp4": "mp4",
  "www/live/empty.ts": "",
  "www/live/SHOW.TS": "upper",
  "www/live/with blank é.txt": "blank",
  "www/live/..dots.txt": "dots",
  "www/live/page/index.html": "<h1>",
  "www/.hidden": "hidden",
  "www/noending": "noending",
  "www/v1%2E0/cam%281%29.m3u8": "of cam(1)",
  "www/v1%2E0/cam%281%29-7.ts": "of cam(1)",
  "secret.txt": "SECRET",
  "www-beside/secret.txt": "SECRET",
};

/** A test in a folder with {@linkcode FILES}. */
function filesTest(name: string, test: (folder: Folder) => Promise<void>): void {
  Deno.test({
    ...granted,
    name,
    async fn() {
      const root = await Deno.makeTempDir();
      try {
        for (const [path, text] of Object.entries(FILES)) {
          await Deno.mkdir(`${root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
          await Deno.writeTextFile(`${root}/${path}`, text);
        }
        await test(new Folder(root));
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    },
  });
}

/** A served folder. */
class Folder {
  readonly root: string;
  readonly log = new CollectedLog();
  readonly files: StaticFiles;

  constructor(root: string) {
    this.root = root;
    this.files = new StaticFiles({ dir: `${root}/www`, logger: this.log.logger });
  }

  get(
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = "GET",
  ): Promise<Response> {
    const request = new Request("http://edge.example/", { headers, method });
    // `Request` normalizes dots, which this test needs.
    return this.files.answer(
      new Proxy(request, {
        get: (target, key) =>
          key === "url" ? `http://edge.example${path}` : Reflect.get(target, key),
      }),
      ADMIT,
    );
  }
}

const TYPES = [
  ["/live/show.m3u8", "application/vnd.apple.mpegurl", "public, max-age=1, stale-if-error=30"],
  ["/live/show-1.ts", "video/mp2t", "public, max-age=3600, immutable"],
  ["/live/SHOW.TS", "video/mp2t", "public, max-age=3600, immutable"],
  ["/live/show.m4s", "video/iso.segment", "public, max-age=3600, immutable"],
  ["/live/show-1-init.mp4", "video/mp4", "public, max-age=3600, immutable"],
  ["/live/film.mp4", "video/mp4", "no-cache"],
  ["/noending", "application/octet-stream", "no-cache"],
  ["/live/page/", "text/html; charset=utf-8", "no-cache"],
  ["/live/with%20blank%20%C3%A9.txt", "text/plain; charset=utf-8", "no-cache"],
] as const;

filesTest("StaticFiles sets type and cache lifetime of every kind of file", async (folder) => {
  for (const [path, type, cache] of TYPES) {
    const response = await folder.get(path);
    await response.body?.cancel();
    assertEquals(response.status, 200, path);
    assertEquals(response.headers.get("content-type"), type, path);
    assertEquals(response.headers.get("cache-control"), cache, path);
    assertEquals(response.headers.get("x-content-type-options"), "nosniff", path);
  }
});

filesTest("StaticFiles lets a cache keep a 404 for a second", async (folder) => {
  const response = await folder.get("/live/show-2.ts");
  await response.body?.cancel();
  assertEquals(response.status, 404);
  assertEquals(response.headers.get("cache-control"), "public, max-age=1");
});

filesTest("StaticFiles serves a whole file", async (folder) => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const longer = new Uint8Array(200_000).map((_, at) => bytes[at % 60_000]! ^ at);
  await Deno.writeFile(`${folder.root}/www/long.ts`, longer);
  const response = await folder.get("/long.ts?token=1");
  assertEquals(response.headers.get("content-length"), "200000");
  assertEquals(await response.bytes(), longer);
  const part = await folder.get("/long.ts", { range: "bytes=65000-140000" });
  assertEquals(part.headers.get("content-range"), "bytes 65000-140000/200000");
  assertEquals(await part.bytes(), longer.slice(65_000, 140_001));
});

filesTest("StaticFiles serves an empty file", async (folder) => {
  const response = await folder.get("/live/empty.ts");
  assertEquals(response.headers.get("content-length"), "0");
  assertEquals(await response.text(), "");
});

filesTest("StaticFiles answers HEAD with the same headers and no body", async (folder) => {
  const get = await folder.get("/live/show-1.ts");
  const head = await folder.get("/live/show-1.ts", {}, "HEAD");
  assertEquals(await get.text(), "0123456789");
  assertEquals(head.body, null);
  assertEquals([...head.headers], [...get.headers]);
});

filesTest("StaticFiles refuses every other method", async (folder) => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const response = await folder.get("/live/show-1.ts", {}, method);
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD"], method);
  }
});

const PARTS = [
  { range: "bytes=2-4", status: 206, body: "234", content: "bytes 2-4/10" },
  { range: "bytes=7-", status: 206, body: "789", content: "bytes 7-9/10" },
  { range: "bytes=-2", status: 206, body: "89", content: "bytes 8-9/10" },
  { range: "bytes=0-99", status: 206, body: "0123456789", content: "bytes 0-9/10" },
  { range: "bytes=10-", status: 416, body: "", content: "bytes */10" },
  { range: "bytes=0-1,4-5", status: 200, body: "0123456789", content: null },
  { range: "nonsense", status: 200, body: "0123456789", content: null },
] as const;

filesTest("StaticFiles serves the requested range", async (folder) => {
  for (const { range, status, body, content } of PARTS) {
    const response = await folder.get("/live/show-1.ts", { range });
    assertEquals(response.status, status, range);
    assertEquals(response.headers.get("content-range"), content, range);
    assertEquals(await response.text(), body, range);
  }
});

filesTest("StaticFiles answers 304 when the client has the current version", async (folder) => {
  const first = await folder.get("/live/show-1.ts");
  await first.body?.cancel();
  const etag = first.headers.get("etag")!;
  const modified = first.headers.get("last-modified")!;
  assertMatch(etag, /^"[0-9a-f]+-[0-9a-f]+"$/);
  const fresh = [
    { "if-none-match": etag },
    { "if-none-match": `"other", W/${etag}` },
    { "if-none-match": "*" },
    { "if-modified-since": modified },
    { "if-none-match": etag, "if-modified-since": new Date(0).toUTCString() },
  ];
  for (const headers of fresh) {
    const response = await folder.get("/live/show-1.ts", headers);
    assertEquals([response.status, response.body], [304, null], JSON.stringify(headers));
    assertEquals(response.headers.get("etag"), etag);
    assertEquals(response.headers.get("cache-control"), "public, max-age=3600, immutable");
  }
  const stale = [
    { "if-none-match": '"other"' },
    { "if-none-match": '"other"', "if-modified-since": modified },
    { "if-modified-since": new Date(0).toUTCString() },
    { "if-modified-since": "nonsense" },
  ];
  for (const headers of stale) {
    const response = await folder.get("/live/show-1.ts", headers);
    await response.body?.cancel();
    assertEquals(response.status, 200, JSON.stringify(headers));
  }
});

filesTest(
  "StaticFiles tells versions of a playlist apart that are of one second",
  async (folder) => {
    const first = await folder.get("/live/show.m3u8");
    await first.body?.cancel();
    // A client that got it 100 ms earlier, in the same second, may have another version.
    const file = `${folder.root}/www/live/show.m3u8`;
    await Deno.utime(file, 1_700_000_000.2, 1_700_000_000.2);
    const since = new Date(1_700_000_000_000).toUTCString();
    const second = await folder.get("/live/show.m3u8", { "if-modified-since": since });
    await second.body?.cancel();
    assertEquals([second.status, first.headers.get("last-modified")], [200, null]);
    const etag = second.headers.get("etag")!;
    const third = await folder.get("/live/show.m3u8", { "if-none-match": etag });
    assertEquals(third.status, 304);
  },
);

filesTest("StaticFiles changes the ETag of a file that was rewritten", async (folder) => {
  const etagOf = async () => {
    const response = await folder.get("/live/show.m3u8");
    await response.body?.cancel();
    return response.headers.get("etag");
  };
  const before = await etagOf();
  await Deno.writeTextFile(`${folder.root}/www/live/show.m3u8`, "#EXTM3U\n#EXT-X-VERSION:3\n");
  assert(await etagOf() !== before);
});

filesTest("StaticFiles serves a range only of the version that If-Range names", async (folder) => {
  const first = await folder.get("/live/show-1.ts");
  await first.body?.cancel();
  const statusWith = async (version: string) => {
    const headers = { range: "bytes=0-1", "if-range": version };
    const response = await folder.get("/live/show-1.ts", headers);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusWith(first.headers.get("etag")!), 206);
  assertEquals(await statusWith(first.headers.get("last-modified")!), 206);
  assertEquals(await statusWith('"other"'), 200);
});

const OUTSIDE = [
  "/../secret.txt",
  "/live/../../secret.txt",
  "/%2e%2e/secret.txt",
  "/%2E%2E/secret.txt",
  "/.%2e/secret.txt",
  "/..%2fsecret.txt",
  "/live/..%2f..%2fsecret.txt",
  "/%252e%252e/secret.txt",
  "/..\\secret.txt",
  "/..%5csecret.txt",
  "/live\\..\\..\\secret.txt",
  "/%c0%ae%c0%ae/secret.txt",
  "/secret.txt%00.ts",
  "/live/show-1.ts%00",
  "/../www-beside/secret.txt",
  "//etc/passwd",
  "/live//show-1.ts",
  "/./live/show-1.ts",
  "/.hidden",
  "/live/..dots.txt",
  "/link/secret.txt",
  "/link-to-file",
  "/link-beside/secret.txt",
  "/live%2fshow-1.ts",
  "/loop",
  "/%",
  "/%zz",
  "/live",
  "/",
  "/live/show-1.ts/",
  "/live/show-1.ts/more",
  `/${"a".repeat(5_000)}`,
  `/${"a/".repeat(5_000)}`,
];

filesTest("StaticFiles serves nothing outside its folder", async (folder) => {
  await Deno.symlink(folder.root, `${folder.root}/www/link`);
  await Deno.symlink(`${folder.root}/secret.txt`, `${folder.root}/www/link-to-file`);
  await Deno.symlink(`${folder.root}/www-beside`, `${folder.root}/www/link-beside`);
  await Deno.symlink("loop", `${folder.root}/www/loop`);
  for (const path of OUTSIDE) {
    const response = await folder.get(path);
    const text = await response.text();
    assertEquals([response.status, text], [404, "File not found\n"], path.slice(0, 60));
  }
});

filesTest("StaticFiles follows a link that stays inside its folder", async (folder) => {
  await Deno.symlink("show-1.ts", `${folder.root}/www/live/newest.ts`);
  const response = await folder.get("/live/newest.ts");
  assertEquals(await response.text(), "0123456789");
});

filesTest(
  "StaticFiles serves files of a folder that was created after the start",
  async (folder) => {
    const files = new StaticFiles({ dir: `${folder.root}/later`, logger: folder.log.logger });
    const request = new Request("http://edge.example/a.ts");
    assertEquals((await files.answer(request, ADMIT)).status, 404);
    await Deno.mkdir(`${folder.root}/later`);
    await Deno.writeTextFile(`${folder.root}/later/a.ts`, "a");
    assertEquals(await (await files.answer(request, ADMIT)).text(), "a");
    assertEquals(folder.log.urgent, []);
  },
);

filesTest("StaticFiles closes the file when the client leaves", async (folder) => {
  await Deno.writeFile(`${folder.root}/www/long.ts`, new Uint8Array(1_000_000));
  const response = await folder.get("/long.ts");
  const reader = response.body!.getReader();
  await reader.read();
  // Otherwise the sanitizer of the test runner fails the test.
  await reader.cancel();
});

filesTest("StaticFiles cuts the response when the file shrinks", async (folder) => {
  await Deno.writeFile(`${folder.root}/www/long.ts`, new Uint8Array(200_000));
  const response = await folder.get("/long.ts");
  await Deno.truncate(`${folder.root}/www/long.ts`, 70_000);
  const error = await response.bytes().catch((error) => error);
  assertStringIncludes(String(error), "The file ended 130000 bytes early");
});

filesTest("StaticFiles finds a playlist by the name of its stream", async (folder) => {
  const texts = ["/v1.0/cam(1).m3u8", "/v1.0/cam%281%29.m3u8", "/v1%2E0/cam%20%281%29.m3u8"].map(
    async (path) => await (await folder.get(path)).text(),
  );
  assertEquals(await Promise.all(texts), ["of cam(1)", "of cam(1)", "of cam(1)"]);
});

filesTest("StaticFiles finds a segment relative to the playlist's URL", async (folder) => {
  // The playlist names the file, percent-encoded.
  assertEquals((await folder.get("/v1.0/cam%25281%2529-7.ts")).status, 200);
  assertEquals((await folder.get("/v1%252E0/cam%25281%2529-7.ts")).status, 200);
  assertEquals((await folder.get("/v1.0/cam(1)-7.ts")).status, 404);
});
