/** RTMPS and HTTPS of a whole server: certificates that change, clients that stay. */

import { startServer } from "../../lib/app/compose.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import type { Config } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import { assertEquals, assertRejects } from "../helpers/assert.ts";
import { CertificateAuthority } from "../helpers/certificates.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { LeapingClock } from "../helpers/leaping_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { keyframe } from "../helpers/tiny_media.ts";
import { delay, until } from "../helpers/until.ts";

const TIMEOUT = { timeoutMs: 10_000, everyMs: 5 };
const WATCH_MS = 5_000;

const granted = await needs("net", "read", "write", "run");
const isPossible = !granted.ignore && await hasProgram("openssl");

/** A server on free ports of loopback, whose certificate is `tls.crt` in a folder. */
class Rig implements AsyncDisposable {
  readonly clock = new LeapingClock();
  readonly log = new CollectedLog();
  readonly server;
  readonly #ca: CertificateAuthority;
  readonly #directory: string;

  private constructor(directory: string, ca: CertificateAuthority, more: string) {
    this.#directory = directory;
    this.#ca = ca;
    this.server = startServer(this.config(more), {
      network: denoNetwork,
      clock: this.clock,
      logger: this.log.logger,
      createHttp: createHttpListeners,
    });
  }

  static async start(directory: string, more = ""): Promise<Rig> {
    const ca = await CertificateAuthority.create(directory);
    await ca.issue({ name: "tls" });
    return new Rig(directory, ca, more);
  }

  config(more = "", name = "tls"): Config {
    const tls =
      `enabled on; cert ${this.#directory}/${name}.crt; key ${this.#directory}/${name}.key;`;
    const text = `listen 1935; rtmps { ${tls} } ${more}
      http_server { enabled on; https { ${tls} } }
      vhost __defaultVhost__ { play { mw_latency 0; } http_remux { enabled on; } }`;
    const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
    const anyPort = { listen: [{ hostname: "127.0.0.1", port: 0 }] };
    const { rtmps, httpServer } = config;
    return {
      ...config,
      ...anyPort,
      rtmps: { ...rtmps, ...anyPort },
      httpServer: { ...httpServer, ...anyPort, https: { ...httpServer.https, ...anyPort } },
    };
  }

  get port(): number {
    return this.server.rtmpsAddresses[0]!.port;
  }

  get trust() {
    return { caFile: this.#ca.file, isVerified: true };
  }

  /** Replaces the certificate's files by one for another name. */
  async renameTo(san: string): Promise<void> {
    await this.#ca.issue({ name: "next", san });
    for (const end of ["crt", "key"]) {
      await Deno.rename(`${this.#directory}/next.${end}`, `${this.#directory}/tls.${end}`);
    }
  }

  async fetch(path: string): Promise<Response> {
    const client = Deno.createHttpClient({ caCerts: [this.#ca.text] });
    const { port } = this.server.httpsAddresses[0]!;
    const response = await fetch(`https://localhost:${port}${path}`, { client });
    client.close();
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

Deno.test({
  name: "A certificate whose files change is taken into use, and clients stay",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = await Rig.start(directory);
      const { trust } = rig;
      await using publisher = await RtmpClient.publish(rig.port, "show", { trust });
      publisher.push(keyframe(0));
      await using player = await RtmpClient.play(rig.port, "show", { trust });
      await player.untilMedia(1);
      const viewer = await rig.fetch("/live/show.flv");
      assertEquals(viewer.status, 200);

      await rig.renameTo("DNS:renewed.test");
      rig.clock.leap(WATCH_MS);
      await until("the new certificate", async () => {
        try {
          await using _client = await RtmpClient.connect(rig.port, { trust });
          return false;
        } catch (error) {
          return error instanceof Error && error.message.includes("renewed.test");
        }
      }, TIMEOUT);
      await assertRejects(() => rig.fetch("/"), Error);
      publisher.push(keyframe(40));
      await player.untilMedia(2);
      assertEquals(rig.server.counts, { connections: 2, players: 1, publishers: 1 });
      await viewer.body?.cancel();
      assertEquals(rig.log.urgent, []);
    }),
});

Deno.test({
  name: "A certificate that cannot be used is not taken into use, and a line says why",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = await Rig.start(directory);
      await Deno.writeTextFile(`${directory}/tls.crt`, "-----BEGIN CERTIFICATE-----\n");
      // Two files are seldom replaced in the same moment: reported the second time.
      for (let round = 0; round < 2; round++) {
        assertEquals(rig.log.urgent, []);
        rig.clock.leap(WATCH_MS);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await until("the line", () => rig.log.urgent.length > 0, TIMEOUT);
      assertEquals(
        rig.log.urgent[0]!.message,
        `Certificate not replaced; the one before stays: ${directory}/tls.crt holds no certificate`,
      );
      await using _client = await RtmpClient.connect(rig.port, { trust: rig.trust });
    }),
});

Deno.test({
  name: "apply() switches RTMPS and HTTPS on and off, and refuses bad certificates as a whole",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = await Rig.start(directory);
      const { trust } = rig;
      await using player = await RtmpClient.play(rig.port, "show", { trust });
      const error = await assertRejects(() => rig.server.apply(rig.config("", "missing")), Error);
      assertEquals(error.message.startsWith(`Cannot read ${directory}/missing.crt`), true);
      await using _client = await RtmpClient.connect(rig.port, { trust });

      const { port } = rig;
      const { rtmps, ...rest } = rig.config();
      await rig.server.apply({ ...rest, rtmps: { ...rtmps, enabled: false } });
      await assertRejects(() => RtmpClient.connect(port, { trust }), Deno.errors.ConnectionRefused);
      assertEquals([rig.server.rtmpsAddresses, player.isEnded], [[], false]);
      await rig.server.apply(rig.config());
      await using _again = await RtmpClient.connect(rig.port, { trust });
    }),
});

Deno.test({
  name: "A scanner on the TLS port is one line at info, and counts for nothing",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = await Rig.start(directory);
      for (let count = 0; count < 3; count++) {
        using conn = await Deno.connect({ hostname: "127.0.0.1", port: rig.port });
        await conn.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        await conn.read(new Uint8Array(100)).catch(() => {});
      }
      await until("the line", () =>
        rig.log.count("Client closed: TLS handshake failed: it does not speak TLS") === 1, TIMEOUT);
      assertEquals([rig.log.urgent, rig.server.counts.connections], [[], 0]);
    }),
});

Deno.test({
  name: "A certificate that changes opens no listener that a drain has closed",
  ignore: !isPossible,
  fn: () =>
    inTempDirectory(async (directory) => {
      await using rig = await Rig.start(directory);
      const { port, trust } = rig;
      await using player = await RtmpClient.play(port, "show", { trust });
      // As a worker thread does, which is not told why.
      await rig.server.finishListening(false);
      await rig.renameTo("DNS:renewed.test");
      rig.clock.leap(WATCH_MS);
      await delay(300);
      await assertRejects(() => RtmpClient.connect(port, { trust }), Deno.errors.ConnectionRefused);
      assertEquals(player.isEnded, false);
    }),
});
