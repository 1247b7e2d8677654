/** ffmpeg over RTMPS, both ways, while the server's certificate is replaced. */

import { assertEquals } from "../helpers/assert.ts";
import { CertificateAuthority } from "../helpers/certificates.ts";
import { edgeCommand } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { hasProgram } from "../helpers/programs.ts";
import { createSample, parseHashes } from "./sample.ts";

const TIMEOUT_MS = 30_000;

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("ffmpeg") && await hasProgram("openssl");

/**
 * Plays two seconds with librtmp, which OBS has, too. As in OBS with TLS 1.2: with GnuTLS it fails
 * at the session tickets of TLS 1.3.
 */
async function playWithLibrtmp(directory: string, url: string): Promise<void> {
  if (!await hasProgram("rtmpdump")) return;
  const priorities = `${directory}/gnutls.cfg`;
  await Deno.writeTextFile(priorities, "[overrides]\ndisabled-version = tls1.3\n");
  const file = `${directory}/librtmp.flv`;
  await using player = startProcess({
    name: "rtmpdump",
    command: ["rtmpdump", "--live", "--stop", "2", "-r", url, "-o", file],
    env: { GNUTLS_SYSTEM_PRIORITY_FILE: priorities },
  });
  await player.waitFor("the end", () => player.status, TIMEOUT_MS);
  assertEquals((await Deno.stat(file)).size > 10_000, true);
}

Deno.test({
  name: "ffmpeg publishes and plays over RTMPS; a replaced certificate costs no frame",
  ignore: !isPossible,
  async fn() {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "edge-rtmps-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const ca = await CertificateAuthority.create(directory);
    await ca.issue({ name: "a" });
    const sample = await createSample(directory, 1);
    const port = freePort();
    await Deno.writeTextFile(
      `${directory}/edge.conf`,
      `listen 1935; rtmps { enabled on; listen 127.0.0.1:${port}; cert a.crt; key a.key; }
       vhost __defaultVhost__ { }`,
    );
    const edge = stack.use(startProcess({
      name: "edge",
      command: [...edgeCommand(), "-c", "edge.conf", "--listen", `127.0.0.1:${freePort()}`],
      cwd: directory,
    }));
    await edge.waitForLine(/Listening on rtmps:/, TIMEOUT_MS);
    const url = `rtmps://localhost:${port}/live/show`;
    const player = stack.use(startProcess({
      name: "player",
      command: [
        ...["ffmpeg", "-nostdin", "-v", "error", "-ca_file", ca.file, "-tls_verify", "1"] as const,
        ...["-i", url, "-map", "0:v", "-c", "copy", "-f", "framemd5", "-"],
      ],
    }));
    await edge.waitForLine(/Player waiting/, TIMEOUT_MS);
    const publisher = stack.use(startProcess({
      name: "publisher",
      command: [
        ...["ffmpeg", "-nostdin", "-v", "error", "-re", "-i", sample.file, "-c", "copy"] as const,
        ...["-f", "flv", "-ca_file", ca.file, "-tls_verify", "1", url],
      ],
    }));
    await edge.waitForLine(/Publish started/, TIMEOUT_MS);
    await playWithLibrtmp(directory, url);
    for (const end of ["crt", "key"]) await Deno.remove(`${directory}/a.${end}`);
    await ca.issue({ name: "a", san: "DNS:renewed.test" });
    await edge.waitForLine(/Certificate replaced/, TIMEOUT_MS);
    await publisher.waitForSuccess(TIMEOUT_MS);
    await player.waitForSuccess(TIMEOUT_MS);
    assertEquals([player.stderr, parseHashes(player.stdout)], [[], [...sample.videoHashes]]);
  },
});
