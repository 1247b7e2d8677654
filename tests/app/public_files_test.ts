/** Files that public users have: `--test` accepts them, so a server must start with them. */

import { startServer } from "../../lib/app/compose.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { SeededRandom } from "../fuzz/random.ts";
import { assert, assertEquals } from "../helpers/assert.ts";
import { readBlocks } from "../helpers/doc_page.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { freePort } from "../helpers/ports.ts";
import { needs } from "../helpers/permissions.ts";
import { createFile, type PublicFile } from "./public_files.ts";

const FILES = 150;

netTest(`A server starts with each of ${FILES} files in the forms of SRS's users`, async () => {
  const random = new SeededRandom(20_261_129);
  const used = new Set<number>();
  const source = {
    random: () => random.below(1_000_000) / 1_000_000,
    port: () => unusedPort(used),
    hasIpv6: hasIpv6(),
  };
  for (let count = 0; count < FILES; count++) await check(createFile(source));
});

/** SRS's files whose listeners once kept the server from starting; ports are replaced. */
const NAMED: Readonly<Record<string, string>> = {
  "console.ipv46.conf": "listen A [::]:A; daemon off; srs_log_tank console;\n" +
    "http_server { enabled on; listen B [::]:B; }\nhttp_api { enabled on; listen C [::]:C;\n" +
    "  auth { enabled on; username a; password b; } }\nvhost __defaultVhost__ { }",
  "http.api.one.port.conf": "listen A;\nhttp_api { enabled on; listen B; }\n" +
    "http_server { enabled on; listen B; dir ./objs/nginx/html; }\nvhost __defaultVhost__ { }",
};

for (const [name, template] of Object.entries(NAMED)) {
  netTest(`A server starts with SRS's ${name}`, async () => {
    const used = new Set<number>();
    const [a, b, c] = [unusedPort(used), unusedPort(used), unusedPort(used)];
    const text = template.replace(/\bA\b/g, `${a}`).replace(/\bB\b/g, `${b}`)
      .replace(/\bC\b/g, `${c}`);
    const rtmp = [{ hostname: "127.0.0.1", port: a }];
    await check({ name: "x.conf", text, rtmp, api: text.includes(`${c}`) ? [c] : [b], files: [b] });
  });
}

Deno.test({
  ...await needs("net", "read"),
  name: "A server starts with the examples of docs/configuration.md",
  async fn() {
    const examples = readBlocks("docs/configuration.md").filter(({ mark }) =>
      mark === "check=edge"
    );
    assertEquals(new Set(examples.map(({ language }) => language)), new Set(["toml", "conf"]));
    for (const { language, text } of examples) {
      const name = `x.${language}`;
      const port = freePort();
      const moved = text.replaceAll(/(?<!\d)1935(?!\d)/g, `${port}`);
      assert(moved !== text, name);
      const rtmp = [{ hostname: "127.0.0.1", port }];
      await check({ name, text: moved, rtmp, api: [], files: [] });
    }
  },
});

async function check({ name, text, rtmp, api, files }: PublicFile): Promise<void> {
  try {
    const { config } = parseConfig(text, name, { readFile: () => undefined });
    const server = startServer(config, {
      network: denoNetwork,
      clock: systemClock,
      logger: new CollectedLog().logger,
      createHttp: createHttpListeners,
    });
    try {
      for (const address of rtmp) (await Deno.connect(address)).close();
      const { enabled } = config.httpApi.auth;
      for (const port of api) {
        assertEquals(await ask(port, "/api/v1/versions"), enabled ? 401 : 200);
      }
      for (const port of files) assertEquals(await ask(port, "/none.txt"), 404);
    } finally {
      await server.stop();
    }
  } catch (error) {
    throw new Error(`${error}\nwith this ${name}:\n${text}`, { cause: error });
  }
}

async function ask(port: number, path: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { connection: "close" },
  });
  await response.body?.cancel();
  return response.status;
}

function unusedPort(used: Set<number>): number {
  for (;;) {
    const port = freePort();
    if (used.has(port)) continue;
    used.add(port);
    return port;
  }
}

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}
