/** An edge whose origins have TLS: pull, push and failover, and why certificates are refused. */

import { assertEquals } from "../helpers/assert.ts";
import { CertificateAuthority } from "../helpers/certificates.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { startLocalServer } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { hasProgram } from "../helpers/programs.ts";
import { RtmpClient } from "../helpers/rtmp_client.ts";
import { keyframe } from "../helpers/tiny_media.ts";
import { until } from "../helpers/until.ts";

const TIMEOUT = { timeoutMs: 10_000, everyMs: 5 };

const granted = await needs("net", "read", "write", "run");
const isPossible = !granted.ignore && await hasProgram("openssl");

/** What a test asks of an origin's certificate; see {@linkcode CertificateAuthority.issue}. */
interface OriginOptions {
  readonly san?: string;
  readonly days?: number;
}

async function startOrigin(ca: CertificateAuthority, options?: OriginOptions) {
  const port = freePort();
  const { cert, key } = await ca.issue({ name: `origin${port}`, ...options });
  const server = startLocalServer(
    `rtmps { enabled on; listen 127.0.0.1:${port}; cert ${cert}; key ${key}; }
     vhost __defaultVhost__ { play { mw_latency 0; } }`,
  );
  return { server, port };
}

function startEdge(ports: readonly number[], cluster: string) {
  const origins = ports.map((port) => `rtmps://localhost:${port}`).join(" ");
  return startLocalServer(
    `vhost __defaultVhost__ {
       play { mw_latency 0; }
       cluster { mode remote; origin ${origins}; ${cluster} }
     }`,
  );
}

function edgeTest(
  name: string,
  fn: (ca: CertificateAuthority) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !isPossible,
    fn: () =>
      inTempDirectory(async (directory) => {
        await fn(await CertificateAuthority.create(directory));
      }),
  });
}

edgeTest(
  "An edge pulls and pushes over RTMPS, and its players survive an origin's end",
  async (ca) => {
    await using stack = new AsyncDisposableStack();
    const [first, second] = [await startOrigin(ca), await startOrigin(ca)];
    stack.use(second.server);
    const edge = stack.use(startEdge([first.port, second.port], `tls_ca ${ca.file};`));
    const publisher = stack.use(await RtmpClient.publish(first.server.port, "show"));
    publisher.push(keyframe(0));
    const player = stack.use(await RtmpClient.play(edge.port, "show"));
    await player.untilMedia(1);
    // Not before: if the first origin takes long to answer, the second one feeds the stream.
    const other = stack.use(await RtmpClient.publish(second.server.port, "show"));
    other.push(keyframe(0));
    const pushed = stack.use(await RtmpClient.publish(edge.port, "pushed"));
    pushed.push(keyframe(0));
    const far = stack.use(await RtmpClient.play(first.server.port, "pushed"));
    await far.untilMedia(1);

    await first.server[Symbol.asyncDispose]();
    let timestampMs = 0;
    await until("both switches", () => {
      timestampMs += 40;
      for (const source of [other, pushed]) source.push(keyframe(timestampMs));
      return edge.log.count("Pull switched") === 1 && edge.log.count("Push switched") === 1;
    }, { ...TIMEOUT, everyMs: 40 });
    assertEquals([player.isEnded, pushed.isEnded], [false, false]);
    assertEquals(edge.log.urgent.map(({ message }) => message.replace(/:.*/, "")).toSorted(), [
      "Pull failed",
      "Push failed",
    ]);
  },
);

const REFUSED = [
  {
    what: "an expired certificate",
    options: { days: -1 },
    reason: "the server's certificate has expired: renew it there",
  },
  {
    what: "a certificate for another name",
    options: { san: "DNS:other.test" },
    reason: "the server's certificate has another name " +
      '(DnsName("other.test")): write the name that it has as origin, or renew it there with this name',
  },
  {
    what: "a certificate of an unknown issuer",
    options: {},
    trust: "",
    reason: "the issuer of the server's certificate is unknown: " +
      "name the issuer's file: cluster { tls_ca FILE; }",
  },
];

for (const { what, options, trust, reason } of REFUSED) {
  edgeTest(`An edge refuses an origin with ${what}, and says so`, async (ca) => {
    await using stack = new AsyncDisposableStack();
    const { server, port } = await startOrigin(ca, options);
    stack.use(server);
    const edge = stack.use(startEdge([port], trust ?? `tls_ca ${ca.file};`));
    stack.use(await RtmpClient.play(edge.port, "show"));
    const line = `Pull failed: Cannot connect: TLS handshake failed: ${reason}`;
    await until("the line", () => edge.log.count(line) === 1, TIMEOUT);
    assertEquals(server.counts.connections, 0);
  });
}

edgeTest("An edge with insecure on accepts any certificate", async (ca) => {
  await using stack = new AsyncDisposableStack();
  const { server, port } = await startOrigin(ca, { san: "DNS:other.test", days: -1 });
  stack.use(server);
  const publisher = stack.use(await RtmpClient.publish(server.port, "show"));
  publisher.push(keyframe(0));
  const edge = stack.use(startEdge([port], "insecure on;"));
  const player = stack.use(await RtmpClient.play(edge.port, "show"));
  await player.untilMedia(1);
});

edgeTest("An edge names an origin that does not speak TLS", async (ca) => {
  await using stack = new AsyncDisposableStack();
  const { server } = await startOrigin(ca);
  stack.use(server);
  const edge = stack.use(startEdge([server.port], `tls_ca ${ca.file};`));
  stack.use(await RtmpClient.play(edge.port, "show"));
  const start =
    "Pull failed: Cannot connect: TLS handshake failed: the server closed the connection";
  await until(
    "the line",
    () => edge.log.urgent.some(({ message }) => message.startsWith(start)),
    TIMEOUT,
  );
});
