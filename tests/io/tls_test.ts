/** TLS on real sockets: listeners and clients, and why handshakes fail. */

import { systemClock } from "../../lib/base/clock.ts";
import { encodeUtf8 } from "../../lib/base/bytes.ts";
import { WireError } from "../../lib/base/errors.ts";
import { Acceptor } from "../../lib/io/acceptor.ts";
import { describeExpectedEnd } from "../../lib/io/connection_end.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import type { NetAddress, TlsTrust, Transport } from "../../lib/io/transport.ts";
import { assertEquals, assertRejects, assertThrows } from "../helpers/assert.ts";
import { CertificateAuthority, readIdentity } from "../helpers/certificates.ts";
import { inTempDirectory } from "../helpers/child.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { needs } from "../helpers/permissions.ts";
import { hasProgram } from "../helpers/programs.ts";
import { until } from "../helpers/until.ts";

const TIMEOUT = { timeoutMs: 5_000, everyMs: 5 };
const ANY_PORT = { hostname: "127.0.0.1", port: 0 };
const HEADER = encodeUtf8("PROXY TCP4 203.0.113.7 198.51.100.1 56324 1443\r\n");

const granted = await needs("net", "read", "write", "run");
const isPossible = !granted.ignore && await hasProgram("openssl");

function tlsTest(name: string, fn: (ca: CertificateAuthority) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !isPossible,
    fn: () =>
      inTempDirectory(async (directory) => await fn(await CertificateAuthority.create(directory))),
  });
}

/** Listens with TLS; clients get back what they send, once their handshake is over. */
class EchoServer implements AsyncDisposable {
  readonly log = new CollectedLog();
  readonly remotes: string[] = [];
  readonly failures: unknown[] = [];
  readonly address: NetAddress;
  readonly #acceptor = new Acceptor({
    network: denoNetwork,
    clock: systemClock,
    logger: this.log.logger,
  });
  readonly #runs: Promise<void>[] = [];
  readonly #open = new Set<Transport>();

  constructor(identity: { cert: string; key: string }, readonly followsProxy = false) {
    this.address = this.#acceptor.listen(ANY_PORT, this.#options(identity), this.#onClient);
  }

  async replace(identity: { cert: string; key: string }): Promise<void> {
    await this.#acceptor.replace(this.address, this.#options(identity), this.#onClient);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#acceptor.stop();
    for (const transport of this.#open) transport.close();
    await Promise.all(this.#runs);
  }

  #options(identity: { cert: string; key: string }) {
    const tls = { identity, followsProxy: this.followsProxy };
    return { scheme: "rtmps", isProxy: () => this.followsProxy, tls };
  }

  readonly #onClient = (transport: Transport) => {
    this.#open.add(transport);
    this.#runs.push(this.#echo(transport));
  };

  async #echo(transport: Transport): Promise<void> {
    const buffer = new Uint8Array(1024);
    try {
      if (!await transport.prepare!()) return;
      this.remotes.push(transport.remote);
      assertEquals(transport.isSecure, true);
      while (true) {
        const count = await transport.read(buffer);
        if (count === null) break;
        await writeAll(transport, buffer.subarray(0, count));
      }
    } catch (error) {
      this.failures.push(error);
    } finally {
      transport.close();
    }
  }
}

async function writeAll(transport: Transport, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await transport.write(bytes.subarray(at));
}

function dial(address: NetAddress, trust?: TlsTrust): Promise<Transport> {
  return denoNetwork.connect(address, AbortSignal.timeout(5_000), trust);
}

/** Sends a byte and returns what comes back. */
async function exchange(transport: Transport, byte: number): Promise<number> {
  await transport.write(new Uint8Array([byte]));
  const buffer = new Uint8Array(16);
  assertEquals(await transport.read(buffer), 1);
  return buffer[0]!;
}

const trustIn = (ca: CertificateAuthority) => ({ caFile: ca.file, isVerified: true });
const TRUST_ANYONE = { caFile: "", isVerified: false };

tlsTest("A listener and a client exchange bytes over TLS", async (ca) => {
  await using server = new EchoServer(readIdentity(await ca.issue({ name: "a" })));
  const client = await dial(server.address, trustIn(ca));
  assertEquals([client.isSecure, await exchange(client, 7)], [true, 7]);
  client.close();
});

tlsTest("A client without verification accepts any certificate", async (ca) => {
  const files = await ca.issue({ name: "old", san: "DNS:other.test", days: -1 });
  await using server = new EchoServer(readIdentity(files));
  const client = await dial(server.address, TRUST_ANYONE);
  assertEquals([client.isSecure, await exchange(client, 7)], [true, 7]);
  client.close();
});

tlsTest("TLS begins after the PROXY header of a load balancer", async (ca) => {
  await using server = new EchoServer(readIdentity(await ca.issue({ name: "a" })), true);
  const conn = await Deno.connect(server.address as Deno.ConnectOptions);
  await conn.write(HEADER);
  const secured = await Deno.startTls(conn, { hostname: "localhost", caCerts: [ca.text] });
  const large = new Uint8Array(300_000).map((_, index) => index);
  const sent = (async () => {
    for (let at = 0; at < large.length;) at += await secured.write(large.subarray(at));
  })();
  const received = new Uint8Array(large.length);
  for (let at = 0; at < large.length;) at += (await secured.read(received.subarray(at)))!;
  await sent;
  assertEquals(received, large);
  assertEquals(server.remotes, ["203.0.113.7:56324"]);
  secured.close();
});

const FAILURES = [
  {
    what: "an expired certificate",
    request: { name: "old", days: -1 },
    message: "TLS handshake failed: the server's certificate has expired: renew it there",
  },
  {
    what: "a certificate for another name",
    request: { name: "other", san: "DNS:other.test" },
    message: "TLS handshake failed: the server's certificate has another name " +
      '(DnsName("other.test")): write the name that it has as origin, or renew it there with this name',
  },
];

for (const { what, request, message } of FAILURES) {
  tlsTest(`A client refuses ${what}, and says so`, async (ca) => {
    await using server = new EchoServer(readIdentity(await ca.issue(request)));
    const error = await assertRejects(() => dial(server.address, trustIn(ca)), Error);
    assertEquals(error.message, message);
  });
}

tlsTest(
  "A client refuses a certificate of an unknown issuer, and says so",
  async (ca) => {
    await using server = new EchoServer(readIdentity(await ca.issue({ name: "a" })));
    const strict = { caFile: "", isVerified: true };
    const error = await assertRejects(() => dial(server.address, strict), Error);
    assertEquals(
      error.message,
      "TLS handshake failed: the issuer of the server's certificate is unknown: " +
        "name the issuer's file: cluster { tls_ca FILE; }",
    );
  },
);

for (const followsProxy of [false, true]) {
  const mode = followsProxy ? " behind a load balancer" : "";
  tlsTest(`A listener with TLS names clients that do not speak it${mode}`, async (ca) => {
    await using server = new EchoServer(readIdentity(await ca.issue({ name: "a" })), followsProxy);
    for (const bytes of [encodeUtf8("GET / HTTP/1.0\r\n\r\n"), new Uint8Array(1537).fill(3)]) {
      const conn = await Deno.connect(server.address as Deno.ConnectOptions);
      if (followsProxy) await conn.write(HEADER);
      await conn.write(bytes);
      await conn.read(new Uint8Array(100)).catch(() => {});
      conn.close();
    }
    const silent = await Deno.connect(server.address as Deno.ConnectOptions);
    silent.close();
    await server[Symbol.asyncDispose]();
    assertEquals(
      server.failures.map((error) => error instanceof WireError ? error.message : error),
      Array(2).fill("TLS handshake failed: it does not speak TLS"),
    );
  });

  tlsTest(`A client that ends after the handshake is no failure of ours${mode}`, async (ca) => {
    await using server = new EchoServer(readIdentity(await ca.issue({ name: "a" })), followsProxy);
    for (let count = 0; count < 3; count++) {
      const conn = await Deno.connect(server.address as Deno.ConnectOptions);
      if (followsProxy) await conn.write(HEADER);
      const secured = await Deno.startTls(conn, { hostname: "localhost", caCerts: [ca.text] });
      await secured.write(new Uint8Array([1]));
      // Without reading the answer: a reset.
      secured.close();
    }
    await until("all handshakes", () => server.remotes.length === 3, TIMEOUT);
    await server[Symbol.asyncDispose]();
    const unexpected = server.failures.filter((error) => describeExpectedEnd(error) === null);
    assertEquals(unexpected, []);
  });
}

tlsTest("Another certificate is taken into use, and clients stay", async (ca) => {
  const first = readIdentity(await ca.issue({ name: "first" }));
  const second = readIdentity(await ca.issue({ name: "second", san: "DNS:second.test" }));
  await using server = new EchoServer(first);
  const clients = await Promise.all(
    Array.from({ length: 8 }, () => dial(server.address, trustIn(ca))),
  );
  let isOver = false;
  let exchanges = 0;
  const load = clients.map(async (client, index) => {
    while (!isOver) {
      assertEquals(await exchange(client, index), index);
      exchanges++;
    }
  });
  for (const identity of [second, first, second, first, second]) {
    const before = exchanges;
    await server.replace(identity);
    if (identity === first) (await dial(server.address, trustIn(ca))).close();
    else await assertRejects(() => dial(server.address, trustIn(ca)), Error, "second.test");
    await until("exchanges", () => exchanges > before + 50, TIMEOUT);
  }
  isOver = true;
  await Promise.all(load);
  for (const client of clients) client.close();
});

tlsTest("A listener whose new certificate cannot be used keeps the old one", async (ca) => {
  const [one, two] = [await ca.issue({ name: "one" }), await ca.issue({ name: "two" })];
  await using server = new EchoServer(readIdentity(one));
  const mixed = readIdentity({ cert: one.cert, key: two.key });
  await assertRejects(() => server.replace(mixed), Error, "KeyMismatch");
  const client = await dial(server.address, trustIn(ca));
  assertEquals(await exchange(client, 7), 7);
  client.close();
});

tlsTest("A second listener with TLS on an address is refused", async (ca) => {
  const identity = readIdentity(await ca.issue({ name: "a" }));
  await using server = new EchoServer(identity);
  const listen = () => denoNetwork.listen(server.address, { tls: identity });
  assertThrows(listen, Deno.errors.AddrInUse);
});
