import { reportAccess, signedUrl } from "../../lib/cli/access.ts";
import { UsageError } from "../../lib/base/errors.ts";
import { AccessRig } from "../helpers/access_rig.ts";
import { assertEquals, assertThrows } from "../helpers/assert.ts";
import { needs } from "../helpers/permissions.ts";

const KEY = "k-0123456789abcdef";
const SECRET = "secret-of-the-servers";
const NOW_MS = Date.UTC(2026, 10, 29);
const EXPIRES = NOW_MS / 1000 + 60;

const CONFIG = (folder: string) =>
  `vhost __defaultVhost__ {
    play { sign_secret ${SECRET}; }
    publish { keys ${folder}/keys; }
    security { enabled on; deny play 203.0.113.0/24; allow play all; allow publish all; }
  }
  vhost open.example { http_hooks { enabled on; on_play http://hooks.example/; } }`;

const files = await needs("read", "write");

function test(
  name: string,
  run: (rig: AccessRig, config: ReturnType<AccessRig["parse"]>) => Promise<void> | void,
): void {
  Deno.test({
    ...files,
    name,
    async fn() {
      await using rig = new AccessRig();
      rig.write("keys", `${KEY} show\n`);
      await run(rig, rig.parse(1935, CONFIG(rig.folder)));
    },
  });
}

test("signedUrl() makes URLs that reportAccess() admits", async (_, config) => {
  const question = { url: "rtmp://192.0.2.1/live/show?a=b", action: "play", seconds: 60 } as const;
  const url = signedUrl(question, config, NOW_MS);
  assertEquals(url.startsWith(`rtmp://192.0.2.1/live/show?a=b&exp=${EXPIRES}&sig=`), true, url);
  const report = (text: string, from = "10.0.0.1", laterMs = 0) =>
    reportAccess({ url: text, action: "play", from }, config, NOW_MS + laterMs);
  assertEquals(await report(url), {
    isAdmitted: true,
    lines: [
      "play from 10.0.0.1",
      "vhost: __defaultVhost__",
      "rules: passed (enabled, refer without a page, security)",
      "credentials: passed (one of: signature)",
      "stream: live/show",
      "admitted",
    ],
  });
  const flv = url.replace("rtmp:", "https:").replace("show?", "show.flv?");
  assertEquals((await report(flv)).isAdmitted, true);
  const page = url.replace("rtmp:", "https:").replace("/live/", "/play/live/");
  assertEquals((await report(page)).isAdmitted, true);
  const proxied = url.replace("rtmp:", "https:").replace("/live/", "/tv/play/live/");
  assertEquals((await report(proxied)).isAdmitted, true);
  const plain = signedUrl({ ...question, url: "rtmp://h/live/über" }, config, NOW_MS);
  const encoded = plain.replace("rtmp:", "http:").replace("über", "%C3%BCber.m3u8");
  assertEquals((await report(encoded)).isAdmitted, true);
  assertEquals((await report(url, "203.0.113.9")).lines.slice(-2), [
    "rules: Address 203.0.113.9 may not play here",
    "refused",
  ]);
  assertEquals(
    (await report(url, "10.0.0.1", 61_000)).lines.at(-2),
    [
      "credentials: The URL has expired",
    ][0],
  );
  const bound = signedUrl({ ...question, from: "10.0.0.1" }, config, NOW_MS);
  assertEquals((await report(bound)).isAdmitted, true);
  assertEquals((await report(bound, "10.0.0.2")).isAdmitted, false);
});

test("reportAccess() checks a stream key, and shows the name only", async (_, config) => {
  const report = (name: string) =>
    reportAccess({ url: `rtmp://h/live/${name}`, action: "publish" }, config, NOW_MS);
  const { isAdmitted, lines } = await report(KEY);
  assertEquals([isAdmitted, lines.at(-2)], [true, "stream: live/show"]);
  assertEquals(lines.join("\n").includes(KEY), false);
  assertEquals((await report(`${KEY}x`)).lines.slice(-2), [
    "credentials: The stream key is not known",
    "refused",
  ]);
});

test("reportAccess() says what it did not ask", async (_, config) => {
  const url = "rtmp://open.example/live/show";
  assertEquals((await reportAccess({ url, action: "play" }, config, NOW_MS)).lines.slice(-4), [
    "credentials: none are needed",
    "stream: live/show",
    "not asked: callback on_play",
    "admitted",
  ]);
});

test("signedUrl() refuses a vhost without a secret, and a URL without a stream", (_, config) => {
  const sign = (url: string) => signedUrl({ url, action: "play", seconds: 60 }, config, NOW_MS);
  const error = assertThrows(() => sign("rtmp://open.example/live/show"), UsageError);
  assertEquals(error.message, "Vhost open.example has no secret to sign with");
  for (const url of ["show", "rtmp://h/live", "rtmp://h/live/"]) {
    assertThrows(() => sign(url), UsageError, "The URL names no stream");
  }
});
