/** The commands of the pages of `docs/`, but for `docs/operations.md`, run as a reader would. */

import { signUrl } from "../../lib/server/signature.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, inTempDirectory } from "../helpers/child.ts";
import { DocMachine, readBlocks } from "../helpers/doc_page.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";

const granted = await needs("net", "read", "write", "run", "env");

const SECRET = "0123456789abcdef";
const SIGNED = `listen 127.0.0.1:1935;
  vhost __defaultVhost__ { play { sign_secret ${SECRET}; } publish { sign_secret ${SECRET}; } }\n`;

const SRS = "listen 1935; # main\nvhost __defaultVhost__ { play { mw_latency 0; } }\n";
const NGINX =
  "rtmp {\n  server {\n    listen 1935;\n    application live { live on; record off; }\n  }\n}\n";

const API = `listen 127.0.0.1:1935; http_api { enabled on; listen 127.0.0.1:1985; }
  vhost __defaultVhost__ { }\n`;

/** What shows that the blocks of a page do what the page says. */
interface Scene {
  readonly page: string;
  readonly marks: readonly string[];
  readonly show: (machine: DocMachine) => Promise<void>;
}

const SCENES: readonly Scene[] = [
  {
    page: "docs/access.md",
    marks: ["run=sign", "run=signature"],
    async show(machine) {
      machine.write("edge.conf", SIGNED);
      const urls = (await machine.run("sign")).trim().split("\n");
      assertEquals(urls.length, 3);
      assertMatch(urls[0]!, /^rtmp:\/\/HOST\/live\/show\?exp=\d{10}&sig=[\w-]{43}$/);
      assertMatch(urls[1]!, /&ip=203\.0\.113\.9&sig=/);
      assertMatch(urls[2]!, /^http:\/\/HOST:8080\/live\/show\.m3u8\?exp=/);
      if (!await hasProgram("openssl")) return;
      const signature = (await machine.run("signature", { SECRET })).trim();
      const stream = { vhost: "__defaultVhost__", app: "live", stream: "show" };
      const terms = { expires: 1767225600, ip: "" };
      const url = signUrl("rtmp://HOST/live/show", SECRET, { action: "play", ...stream }, terms);
      assertStringIncludes(url, `sig=${signature}`);
    },
  },
  {
    page: "docs/continuity.md",
    marks: ["run=slate"],
    async show(machine) {
      if (!await hasProgram("ffmpeg")) return;
      machine.write("still.sh", "ffmpeg -f lavfi -i color=size=320x180 -frames:v 1 slate.png");
      const options = { args: ["still.sh"], cwd: machine.root };
      assertEquals((await new Deno.Command("bash", options).output()).code, 0);
      await machine.run("slate");
      machine.port(1935);
      const vhost = "vhost __defaultVhost__ { play { fallback slate.flv; } }";
      machine.write("edge.conf", `listen 127.0.0.1:1935; ${vhost}\n`);
      const server = await machine.start("--config", "edge.conf");
      assertEquals(server.stderr.filter((line) => /WARN|ERROR/.test(line)), []);
    },
  },
  {
    page: "docs/http.md",
    marks: ["run=api", "run=move"],
    async show(machine) {
      for (const port of [1935, 1985]) machine.port(port);
      machine.write("edge.conf", API);
      await machine.start("--config", "edge.conf");
      assertMatch(await machine.run("api"), /"streams":\[\]/);
      assertMatch(await machine.run("move"), /"code":\d+/);
    },
  },
  {
    page: "docs/first-stream.md",
    marks: ["run=start", "run=publish", "run=edge"],
    async show(machine) {
      if (!await hasProgram("ffmpeg")) return;
      machine.port(8080);
      const ports = [machine.port(1935), machine.port(1936)];
      machine.write("first.conf", machine.block("check=edge"));
      const listening = /Listening on rtmp/;
      await machine.begin("start").waitForLine(listening, CHILD_TIMEOUT_MS);
      await machine.begin("edge").waitForLine(listening, CHILD_TIMEOUT_MS);
      machine.begin("publish");
      for (const port of ports) {
        await using player = await RtmpClient.play(port, "show");
        await player.untilMedia(30);
      }
    },
  },
  {
    page: "docs/from-srs.md",
    marks: ["run=srs", "run=migrate-srs"],
    async show(machine) {
      machine.port(1935);
      machine.write("srs.conf", SRS);
      await machine.begin("srs").waitForLine(/Listening on rtmp/, CHILD_TIMEOUT_MS);
      await machine.run("migrate-srs");
    },
  },
  {
    page: "docs/from-nginx-rtmp.md",
    marks: ["run=migrate-nginx"],
    async show(machine) {
      machine.write("nginx.conf", NGINX);
      assertMatch(await machine.run("migrate-nginx"), /ignored: "record"/);
    },
  },
];

for (const { page, show } of SCENES) {
  Deno.test({
    ...granted,
    name: `${page}: its commands work`,
    fn: () =>
      inTempDirectory(async (directory) => {
        await using machine = new DocMachine(page, directory);
        await show(machine);
      }),
  });
}

Deno.test({ ...granted, name: "every block that is marked is run by a scene of its page" }, () => {
  for (const { page, marks } of SCENES) {
    const marked = readBlocks(page).map(({ mark }) => mark).filter((mark) =>
      mark.startsWith("run=") && !["run=never", "run=test"].includes(mark)
    );
    assertEquals([...marks], marked, page);
  }
});
