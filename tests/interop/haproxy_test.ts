/** HAProxy before our server: the addresses of its clients arrive here. */

import { assertEquals } from "../helpers/assert.ts";
import { CertificateAuthority } from "../helpers/certificates.ts";
import { freePort } from "../helpers/ports.ts";
import { startHaProxy } from "../helpers/haproxy.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { keyframe } from "../helpers/tiny_media.ts";

const granted = await needs("net", "read", "write", "run", "env");
const isPossible = !granted.ignore && await hasProgram("haproxy");

/** The load balancer's own address; its clients have 127.0.0.1. */
const BALANCER = "127.0.0.9";

/** Rules that refuse the load balancer itself. */
const CONFIG = `proxy_protocol ${BALANCER}/32;
  http_server { enabled on; } http_api { enabled on; }
  vhost __defaultVhost__ {
    play { mw_latency 0; }
    http_remux { enabled on; }
    security { enabled on; allow publish 127.0.0.1; allow play 127.0.0.1; }
  }`;

Deno.test({
  name: "HAProxy passes on its clients' addresses before the handshake of RTMPS",
  ignore: !isPossible || !await hasProgram("openssl"),
  async fn() {
    await using stack = new AsyncDisposableStack();
    const directory = await Deno.makeTempDir({ prefix: "edge-haproxy-" });
    stack.defer(() => Deno.remove(directory, { recursive: true }));
    const ca = await CertificateAuthority.create(directory);
    const { cert, key } = await ca.issue({ name: "a" });
    const port = freePort();
    const server = stack.use(startLocalServer(
      `rtmps { enabled on; listen 127.0.0.1:${port}; cert ${cert}; key ${key}; } ${CONFIG}`,
    ));
    const target = `127.0.0.1:${port} source ${BALANCER} send-proxy-v2`;
    const balancer = stack.use(await startHaProxy(directory, [target]));
    const trust = { caFile: ca.file, isVerified: true };
    const publisher = stack.use(await RtmpClient.publish(balancer.ports[0]!, "show", { trust }));
    publisher.push(keyframe(0));
    const player = stack.use(await RtmpClient.play(balancer.ports[0]!, "show", { trust }));
    await player.untilMedia(1);
    // Without a load balancer, the same port takes clients directly.
    const direct = stack.use(await RtmpClient.play(port, "show", { trust }));
    await direct.untilMedia(1);
    assertEquals(server.log.urgent, []);
  },
});

for (const send of ["send-proxy", "send-proxy-v2"]) {
  Deno.test({
    name: `HAProxy with ${send} passes on its clients' addresses, over RTMP and HTTP-FLV`,
    ignore: !isPossible,
    async fn() {
      await using stack = new AsyncDisposableStack();
      const directory = await Deno.makeTempDir({ prefix: "edge-haproxy-" });
      stack.defer(() => Deno.remove(directory, { recursive: true }));
      const server = stack.use(startLocalServer(CONFIG));
      const balancer = stack.use(
        await startHaProxy(
          directory,
          [server.port, server.httpPort].map((port) =>
            `127.0.0.1:${port} source ${BALANCER} ${send} check inter 100ms`
          ),
        ),
      );
      const [rtmp, http] = balancer.ports as [number, number];
      const publisher = stack.use(await RtmpClient.publish(rtmp, "show"));
      publisher.push(keyframe(0));
      const player = stack.use(await RtmpClient.play(rtmp, "show"));
      await player.untilMedia(1);
      const response = await fetch(`http://127.0.0.1:${http}/live/show.flv`);
      assertEquals(response.status, 200);

      const api = await fetch(`http://127.0.0.1:${server.httpPort}/api/v1/clients`);
      const { clients } = await api.json();
      assertEquals(clients.map(({ ip }: { ip: string }) => ip), Array(3).fill("127.0.0.1"));
      await response.body?.cancel();
      assertEquals(server.log.urgent, []);
    },
  });
}
