/** A run of the program with keys, signatures and tokens: none of them is in what it writes. */

import { assert, assertEquals, assertStringIncludes } from "../helpers/assert.ts";
import { CHILD_TIMEOUT_MS, endOf, inTempDirectory } from "../helpers/child.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { AVC_HEADER, keyframe } from "../helpers/media.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { EDDSA, makeToken } from "../helpers/tokens.ts";

const granted = await needs("net", "read", "write", "run", "env");

const KEY = "k-0123456789abcdef";
const SECRET = "secret-of-the-servers";

/** What clients and operators can read over HTTP. */
const PATHS = ["/metrics", "/api/v1/summaries", "/api/v1/vhosts", "/api/v1/streams"];

Deno.test({
  ...granted,
  name: "edge with workers takes keys, signatures and tokens, and writes none of them",
  fn: () =>
    inTempDirectory(async (directory) => {
      const [apiPort, httpPort] = [freePort(), freePort()];
      await Deno.writeTextFile(`${directory}/keys`, `${KEY} show\n`);
      await Deno.writeTextFile(`${directory}/jwks`, JSON.stringify({ keys: [EDDSA.jwk] }));
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 1935; workers 2; srs_log_level_v2 trace;
         http_api { enabled on; listen 127.0.0.1:${apiPort}; }
         http_server { enabled on; listen 127.0.0.1:${httpPort}; }
         vhost __defaultVhost__ {
           http_remux { enabled on; }
           play { mw_latency 0; sign_secret ${SECRET}; jwt_keys jwks; }
           publish { keys keys; }
         }`,
      );
      const program = edgeCommand();
      const sign = [...program, "sign", "rtmp://127.0.0.1/live/show", "-c", "edge.conf"] as const;
      const signed = await new Deno.Command(sign[0], { args: sign.slice(1), cwd: directory })
        .output();
      const url = new TextDecoder().decode(signed.stdout).trim();
      const signature = /sig=([\w-]{43})$/.exec(url)![1]!;
      const claims = { action: "play", stream: "*", exp: Math.floor(Date.now() / 1000) + 60 };
      const token = makeToken({ alg: "EdDSA" }, claims, EDDSA.sign);

      const command = [...program, "-c", "edge.conf", "--listen", "127.0.0.1:0"] as const;
      await using edge = startProcess({ name: "edge", command, cwd: directory });
      const [, portText] = await edge.waitForLine(/rtmp:\/\/127\.0\.0\.1:(\d+)/, CHILD_TIMEOUT_MS);
      const port = Number(portText);
      await using publisher = await RtmpClient.publish(port, KEY);
      publisher.push({ typeId: 9, timestampMs: 0, payload: AVC_HEADER });
      publisher.push({ typeId: 9, timestampMs: 0, payload: keyframe(1) });
      await using bySignature = await RtmpClient.play(port, url.replace(/.*\//, ""));
      await bySignature.untilMedia(2);
      await using byToken = await RtmpClient.play(port, `show?token=${token}`);
      await byToken.untilMedia(2);
      const flv = await fetch(`http://127.0.0.1:${httpPort}/live/show.flv`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assertEquals(flv.status, 200);
      await flv.body?.cancel();
      const refused = await fetch(`http://127.0.0.1:${httpPort}/live/${KEY}.flv?token=${KEY}`);
      assertStringIncludes(await refused.text(), "The token cannot be read");

      const base = `http://127.0.0.1:${apiPort}`;
      const texts = await Promise.all(
        [...PATHS, "/api/v1/clients?count=100"].map(async (path) => {
          return await (await fetch(base + path)).text();
        }),
      );
      assertStringIncludes(texts.at(-1)!, "live/show");
      Deno.kill(edge.pid, "SIGTERM");
      assertEquals((await endOf(edge)).code, 0);
      const log = [...edge.stdout, ...edge.stderr].join("\n");
      assertStringIncludes(log, "Publish started");
      for (const text of [...texts, log]) {
        for (const secret of [KEY, SECRET, signature, token]) assert(!text.includes(secret), text);
      }
    }),
});
