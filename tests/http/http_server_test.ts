/** HTTP over real sockets: hostile and broken clients, and how the server stops. */

import { systemClock } from "../../lib/base/clock.ts";
import { HttpListenError } from "../../lib/http/http_listen_error.ts";
import { type HttpHandler, HttpServer } from "../../lib/http/http_server.ts";
import { pathOf } from "../../lib/http/request_head.ts";
import { formatAddress } from "../../lib/io/address.ts";
import { denoNetwork } from "../../lib/io/tcp.ts";
import type { NetAddress } from "../../lib/io/transport.ts";
import { ClientLimits } from "../../lib/server/client_limits.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../helpers/assert.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { netTest } from "../helpers/loopback.ts";
import { until } from "../helpers/until.ts";

const ANY_PORT = { hostname: "127.0.0.1", port: 0 };

/** Far more than the limit of a request head. */
const HUGE_BYTES = 2 * 1024 * 1024;

/** 128 MiB in blocks of 64 KiB. */
const HUGE_BODY_BLOCKS = 2048;

/** Connections of clients that never complete a request. */
const SLOW_CONNECTIONS = 200;

class Rig implements AsyncDisposable {
  readonly log = new CollectedLog();
  readonly limits = new ClientLimits({ maxConnections: 1_000 }, {
    clock: systemClock,
    logger: this.log.logger,
  });
  readonly server = new HttpServer({
    network: denoNetwork,
    limit: this.limits,
    clock: systemClock,
    logger: this.log.logger,
  });
  readonly address: NetAddress;

  constructor(handler: HttpHandler = (request) => new Response(`${request.method}\n`)) {
    this.address = this.server.listen(
      ANY_PORT,
      { name: "http_server", isProxy: () => false },
      handler,
    );
  }

  get url(): string {
    return `http://${formatAddress(this.address)}`;
  }

  /** A connection that has sent `text`. */
  async dial(text: string): Promise<Deno.TcpConn> {
    const conn = await Deno.connect(this.address);
    await send(conn, text).catch(() => {}); // The server may close before the end.
    return conn;
  }

  /** What the server answers to `text`, in the first read. */
  async talk(text: string): Promise<string> {
    using conn = await this.dial(text);
    const buffer = new Uint8Array(4096);
    const count = await conn.read(buffer).catch(() => null);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.stop();
  }
}

async function send(conn: Deno.TcpConn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function readToEnd(conn: Deno.TcpConn): Promise<string> {
  return await new Response(conn.readable).text();
}

netTest("HttpServer answers, and reports the real port and the client's address", async () => {
  await using rig = new Rig((_, { remote }) => new Response(remote));
  assert(rig.address.port > 0);
  const text = await (await fetch(rig.url)).text();
  assertMatch(text, /^127\.0\.0\.1:\d+$/);
});

netTest("HttpServer.listen() names the address that is in use", async () => {
  await using rig = new Rig();
  const error = assertThrows(
    () =>
      rig.server.listen(
        rig.address,
        { name: "http_api", isProxy: () => false },
        () => new Response(),
      ),
    HttpListenError,
  );
  assertEquals(
    error.message,
    `Cannot listen on ${rig.url}: Address already in use (os error 98)`,
  );
  assert(error.cause instanceof Deno.errors.AddrInUse);
});

netTest("HttpServer logs requests at debug, without the query", async () => {
  await using rig = new Rig();
  await (await fetch(`${rig.url}/live/show.flv?token=SECRET#SECRET`)).body?.cancel();
  await until("the line", () => rig.log.count("Request answered") === 1, { timeoutMs: 5_000 });
  const { level, fields } = rig.log.lines[0]!;
  assertEquals([level, fields["path"], fields["status"]], ["debug", '"/live/show.flv"', 200]);
  assertEquals(JSON.stringify(rig.log.lines).includes("SECRET"), false);
});

netTest("HttpServer escapes paths that would forge a line of the log", async () => {
  await using rig = new Rig();
  await rig.talk('GET /a"%0a\x1b[2J\x7f HTTP/1.1\r\nHost: x\r\n\r\n');
  await rig.talk("GET /a%0d%0aINFO HTTP/1.1\r\nHost: x\r\n\r\n");
  await rig.talk("G\x1bT / HTTP/1.1\r\nHost: x\r\n\r\n");
  const text = rig.log.lines.map(({ message, fields }) => `${message} ${Object.values(fields)}`);
  // deno-lint-ignore no-control-regex -- the characters that must not occur
  assertEquals(text.filter((line) => /[\x00-\x1f\x7f]/.test(line)), []);
});

netTest("HttpServer refuses values that would forge a header", async () => {
  await using rig = new Rig((request) =>
    new Response("", { headers: { "x-path": decodeURIComponent(pathOf(request.url)) } })
  );
  const answer = await rig.talk("GET /a%0d%0aX-Forged:%201 HTTP/1.1\r\nHost: x\r\n\r\n");
  assertMatch(answer, /^HTTP\/1\.1 500 /);
  assertEquals(/^x-forged/im.test(answer), false);
  assertEquals(rig.log.urgent.length, 1);
});

const BAD_HEADS = [
  ["an invalid host", "GET / HTTP/1.1\r\nHost: a b/c?\r\n\r\n"],
  ["a huge head", `GET / HTTP/1.1\r\nA: ${"a".repeat(HUGE_BYTES)}\r\n\r\n`],
  ["a huge path", `GET /${"a".repeat(HUGE_BYTES)} HTTP/1.1\r\n\r\n`],
  ["bytes that are not HTTP", "\x03\x00\x00\x00\x00\x00\x00\r\n\r\n"],
  ["two lengths", "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
] as const;

for (const [what, text] of BAD_HEADS) {
  netTest(`HttpServer refuses ${what}`, async () => {
    await using rig = new Rig();
    assertMatch(await rig.talk(text), /^(HTTP\/1\.1 4\d\d |$)/);
    assertEquals(await (await fetch(rig.url)).text(), "GET\n");
    assertEquals(rig.log.urgent, []);
  });
}

netTest(
  "HttpServer answers a request with a huge body at once, and keeps none of it",
  async () => {
    await using rig = new Rig();
    using conn = await rig.dial(
      "DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nab",
    );
    const buffer = new Uint8Array(4096);
    const count = await conn.read(buffer);
    assertMatch(new TextDecoder().decode(buffer.subarray(0, count!)), /^HTTP\/1\.1 200 /);
    const before = Deno.memoryUsage().rss;
    const block = new Uint8Array(64 * 1024);
    // Some runtimes drop the body, others close.
    for (let at = 0; at < HUGE_BODY_BLOCKS; at++) {
      if (await conn.write(block).catch(() => 0) === 0) break;
    }
    const grown = Deno.memoryUsage().rss - before;
    assert(grown < HUGE_BODY_BLOCKS * block.length / 2, `memory grew by ${grown} bytes`);
    assertEquals(await (await fetch(rig.url)).text(), "GET\n");
  },
);

netTest("HttpServer serves others while clients send their heads byte by byte", async () => {
  await using rig = new Rig();
  const slow: Deno.TcpConn[] = [];
  for (let at = 0; at < SLOW_CONNECTIONS; at++) {
    slow.push(await rig.dial(at % 2 === 0 ? "GET / HT" : "GET / HTTP/1.1\r\nHost: x\r\nA: "));
  }
  for (let at = 0; at < 20; at++) {
    for (const conn of slow.slice(0, 20)) await send(conn, "a");
    assertEquals(await (await fetch(rig.url)).text(), "GET\n");
  }
  for (const conn of slow) conn.close();
});

netTest("HttpServer.stop() does not wait for clients that never complete a head", async () => {
  const rig = new Rig();
  using _slow = await rig.dial("GET / HTTP/1.1\r\nHost: x\r\nA: ");
  using _silent = await rig.dial("");
  await rig.server.stop();
});

netTest("HttpServer.stop() lets a response in progress finish", async () => {
  const asked = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const rig = new Rig(async () => {
    asked.resolve();
    await release.promise;
    return new Response("done");
  });
  const answer = fetch(rig.url).then((response) => response.text());
  await asked.promise;
  const stopped = rig.server.stop();
  release.resolve();
  assertEquals(await answer, "done");
  await stopped;
});

netTest("HttpServer answers a client that has closed its side", async () => {
  await using rig = new Rig();
  using conn = await rig.dial("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await conn.closeWrite();
  assertMatch(await readToEnd(conn), /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\nGET\n$/s);
});

netTest("HttpServer sends a whole response before it closes", async () => {
  const text = "a".repeat(5_000_000);
  await using rig = new Rig(() => new Response(text));
  using conn = await rig.dial("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  assertEquals((await readToEnd(conn)).split("\r\n\r\n")[1], text);
});

netTest("HttpServer answers 500 and logs the error when a handler fails", async () => {
  await using rig = new Rig(() => {
    throw new Error("broken");
  });
  const response = await fetch(`${rig.url}/a?b`);
  assertEquals([response.status, await response.text()], [500, "Internal error\n"]);
  assertEquals(rig.log.urgent.map(({ message, fields }) => [message, fields["path"]]), [
    ["Internal error; request answered with 500: broken", '"/a"'],
  ]);
});
