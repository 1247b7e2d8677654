/** HTTP/1.1 without sockets: the order of requests and responses, and timeouts. */

import type { ConnectionOwner, ConnectionPipe } from "../../lib/http/http_connection.ts";
import { type HttpHandler, HttpServer } from "../../lib/http/http_server.ts";
import { ClientLimits } from "../../lib/server/client_limits.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { MemoryNetwork } from "../helpers/memory_network.ts";
import { until } from "../helpers/until.ts";

const PORT = 8080;
const MAX_CONNECTIONS = 5;
const ADDRESS = { hostname: "127.0.0.1", port: PORT };

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

/** Answers with the path of each request, unless a test has its own handler. */
const ECHO_PATH: HttpHandler = ({ url }) => new Response(new URL(url).pathname);

class Rig {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  readonly network = new MemoryNetwork();
  readonly server: HttpServer;

  constructor(handler = ECHO_PATH) {
    const { network, clock, log: { logger } } = this;
    const limit = new ClientLimits({ maxConnections: MAX_CONNECTIONS }, { clock, logger });
    this.server = new HttpServer({ network, clock, logger, limit });
    this.server.listen(ADDRESS, { name: "http_server", isProxy: () => false }, handler);
  }

  async dial(text = ""): Promise<Client> {
    await this.network.connect(ADDRESS, new AbortController().signal);
    const client = new Client(this.network);
    if (text !== "") await client.send(text);
    await this.settle();
    return client;
  }

  /** Bodies of responses take turns of the runtime. */
  async settle(): Promise<void> {
    for (let round = 0; round < 5; round++) {
      await this.clock.settle();
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** Advances time, with everything that follows from it. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      await this.clock.advance(1000);
      await this.settle();
    }
  }
}

/** A client, and what it has received. */
class Client {
  readonly #ends: MemoryNetwork["connections"][number];
  text = "";
  isClosed = false;

  constructor(network: MemoryNetwork) {
    this.#ends = network.connections.at(-1)!;
    void this.#read();
  }

  /** What it has received, without dates. */
  get answers(): string {
    return this.text.replace(/date: .*\r\n/g, "");
  }

  async send(text: string): Promise<void> {
    await this.#ends.client.write(new TextEncoder().encode(text));
  }

  /** Stops reading. */
  block(): void {
    this.#ends.server.block();
  }

  leave(): void {
    this.#ends.client.close();
  }

  reset(): void {
    this.#ends.server.reset();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(100_000);
    try {
      while (true) {
        const count = await this.#ends.client.read(buffer);
        if (count === null) break;
        this.text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
      }
    } catch {
      // This end was closed.
    }
    this.isClosed = true;
  }
}

/** A response with a body of plain text. */
function answer(body: string, more = "", status = "200 OK"): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${body.length}\r\n` +
    `content-type: text/plain;charset=UTF-8\r\n${more}\r\n${body}`;
}

Deno.test("HttpServer answers requests one by one, in order", async () => {
  const waits = [30, 10, 20];
  const rig = new Rig(async ({ url }) => {
    await new Promise<void>((resolve) => rig.clock.after(waits.shift()!, resolve));
    return new Response(new URL(url).pathname);
  });
  const client = await rig.dial(get("/a") + get("/b") + get("/c"));
  await rig.clock.advance(29);
  assertEquals(client.text, "");
  await rig.pass(1);
  assertEquals(client.answers, answer("/a") + answer("/b") + answer("/c"));
  await client.send(get("/d"));
  waits.push(0);
  await rig.pass(1);
  assertEquals(client.answers.endsWith(answer("/d")), true);
  assertEquals(client.isClosed, false);
});

Deno.test("HttpServer answers the same however requests are split", async () => {
  const text = get("/a") + get("/b", "Connection: close\r\n");
  for (let cut = 1; cut < text.length; cut++) {
    const rig = new Rig();
    const client = await rig.dial(text.slice(0, cut));
    await client.send(text.slice(cut));
    await rig.settle();
    assertEquals(
      [client.answers, client.isClosed],
      [answer("/a") + answer("/b", "connection: close\r\n"), true],
      `cut at ${cut}`,
    );
    await rig.server.stop();
  }
});

Deno.test("HttpServer reads no more requests than it has room for, and answers all of them", async () => {
  const gate = Promise.withResolvers<void>();
  const rig = new Rig(async () => {
    await gate.promise;
    return new Response("");
  });
  const client = await rig.dial();
  const requests = 2_000;
  for (let at = 0; at < requests; at++) await client.send(get("/a"));
  await rig.settle();
  gate.resolve();
  const answered = () => client.text.split("HTTP/1.1 200").length - 1;
  await until("all answers", () => answered() === requests, { timeoutMs: 10_000 });
});

Deno.test("HttpServer closes after an HTTP/1.0 request unless asked to keep the connection", async () => {
  const rig = new Rig();
  const once = await rig.dial("GET /a HTTP/1.0\r\n\r\n");
  assertEquals([once.answers, once.isClosed], [answer("/a", "connection: close\r\n"), true]);
  const kept = await rig.dial("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  assertEquals([kept.answers, kept.isClosed], [answer("/a", "connection: keep-alive\r\n"), false]);
});

Deno.test("HttpServer sends no body with HEAD, 204 and 304", async () => {
  const headers = { "content-length": "4", "content-type": "a" };
  const rig = new Rig(({ url, method }) => {
    const status = Number(new URL(url).pathname.slice(1));
    return new Response(method === "HEAD" ? "body" : null, {
      status,
      headers: status === 200 ? headers : {},
    });
  });
  const head = "HEAD /200 HTTP/1.1\r\nHost: x\r\n\r\n";
  const client = await rig.dial(head + get("/204") + get("/304"));
  assertEquals(
    client.answers,
    "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-type: a\r\n\r\n" +
      "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
  );
});

Deno.test("HttpServer sets the date of a response unless the handler does", async () => {
  const headers = { date: "Sun, 06 Nov 1994 08:49:37 GMT" };
  const rig = new Rig(({ url }) => new Response("", url.endsWith("/old") ? { headers } : {}));
  const client = await rig.dial(get("/new") + get("/old"));
  const [now, old] = [...client.text.matchAll(/date: (.*)\r\n/g)].map(([, date]) => date!);
  assertEquals(Math.abs(Date.now() - Date.parse(now!)) < 3_000, true);
  assertEquals(old, headers.date);
});

Deno.test("HttpServer streams a body with a length", async () => {
  const headers = { "content-length": "70000" };
  const pieces = ["a".repeat(30_000), "b".repeat(40_000)];
  const rig = new Rig(() => new Response(streamOf(pieces), { headers }));
  const client = await rig.dial(get("/"));
  assertEquals(
    client.answers,
    `HTTP/1.1 200 OK\r\ncontent-length: 70000\r\n\r\n${pieces.join("")}`,
  );
  assertEquals(client.isClosed, false);
});

Deno.test("HttpServer cuts the connection when a body is shorter than its length, or fails", async () => {
  const headers = { "content-length": "10" };
  const failing = new ReadableStream({ pull: (controller) => controller.error(new Error("disk")) });
  const bodies = [streamOf(["abc"]), failing, streamOf(["0123456789", "a"])];
  const rig = new Rig(() => new Response(bodies.shift()!, { headers }));
  const short = await rig.dial(get("/"));
  assertEquals([short.answers.endsWith("\r\n\r\nabc"), short.isClosed], [true, true]);
  const broken = await rig.dial(get("/"));
  assertEquals([broken.text, broken.isClosed], ["", true]);
  const long = await rig.dial(get("/"));
  assertEquals([long.answers.endsWith("0123456789"), long.isClosed], [true, false]);
  assertEquals(rig.log.urgent.map(({ message }) => message), [
    "Internal error; connection closed: The body ended 7 bytes early",
    "Internal error; connection closed: disk",
  ]);
});

Deno.test("HttpServer sends nothing of a piece that exceeds the length of the body", async () => {
  const headers = { "content-length": "2" };
  const rig = new Rig(() => new Response(streamOf(["abc"]), { headers }));
  const client = await rig.dial(get("/"));
  assertEquals([client.text, client.isClosed], ["", true]);
});

function streamOf(pieces: readonly string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

Deno.test("HttpServer answers an invalid request, and closes when the client does", async () => {
  const rig = new Rig();
  const client = await rig.dial("hello\r\n\r\n");
  const text = "Not a valid HTTP request\n";
  assertEquals(client.answers, answer(text, "connection: close\r\n", "400 Bad Request"));
  await client.send("more of that");
  await rig.settle();
  assertEquals(client.isClosed, false);
  client.leave();
  await rig.settle();
  assertEquals(rig.network.connections[0]!.server.isClosed, true);
  assertEquals([rig.log.count("Request refused"), rig.log.urgent], [1, []]);
});

Deno.test("HttpServer passes a short body of JSON on, in any pieces", async () => {
  const rig = new Rig(async (request) => new Response(await request.text()));
  const head = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
    "Content-Length: 9\r\n\r\n";
  for (const pieces of [[`${head}{"a": 77}`], [head, '{"a": 77}'], [`${head}{"a"`, ": 7", "7}"]]) {
    const client = await rig.dial();
    for (const piece of pieces) {
      assertEquals(client.text, "");
      await client.send(piece);
      await rig.settle();
    }
    assertEquals(client.answers, answer('{"a": 77}', "connection: close\r\n"));
    // Nothing can be smuggled behind it.
    await client.send(get("/c"));
    await rig.settle();
    assertEquals(client.text.includes("/c"), false);
  }
});

Deno.test("HttpServer closes a client that does not complete its body within 30 s", async () => {
  const rig = new Rig();
  const client = await rig.dial(
    "POST /a HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
  );
  await rig.pass(29);
  assertEquals(client.isClosed, false);
  await rig.pass(2);
  assertEquals(client.isClosed, true);
});

Deno.test("HttpServer drops what follows a request with a body, for two seconds", async () => {
  const rig = new Rig();
  const client = await rig.dial(
    `POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n${get("/b")}`,
  );
  assertEquals(client.answers, answer("/a", "connection: close\r\n"));
  await client.send(get("/c"));
  await rig.pass(2);
  assertEquals(client.isClosed, false);
  await rig.pass(1);
  assertEquals([client.isClosed, client.text.includes("/c")], [true, false]);
});

for (
  const { what, text, seconds } of [
    { what: "sends nothing", text: "", seconds: 30 },
    { what: "does not complete its head", text: "GET / HTTP/1.1\r\nHost: x\r\n", seconds: 30 },
    { what: "is silent after a response", text: get("/a"), seconds: 90 },
  ]
) {
  Deno.test(`HttpServer closes a client that ${what} within ${seconds} s`, async () => {
    const rig = new Rig();
    const client = await rig.dial(text);
    await rig.pass(seconds - 1);
    assertEquals(client.isClosed, false);
    await rig.pass(2);
    assertEquals(client.isClosed, true);
  });
}

Deno.test("HttpServer limits a head to 30 s in all, not per byte", async () => {
  const rig = new Rig();
  const client = await rig.dial("GET / HTTP/1.1\r\n");
  for (let second = 0; second <= 31; second++) {
    if (!client.isClosed) await client.send("A: b\r\n").catch(() => {});
    await rig.pass(1);
  }
  assertEquals(client.isClosed, true);
});

Deno.test("HttpServer closes a client that reads nothing of its response for 30 s", async () => {
  const rig = new Rig();
  const client = await rig.dial();
  client.block();
  await client.send(get("/a"));
  await rig.pass(29);
  assertEquals(client.isClosed, false);
  await rig.pass(2);
  assertEquals(client.isClosed, true);
});

Deno.test("HttpServer refuses connections beyond the limit, and logs it once a second", async () => {
  const rig = new Rig();
  const first = await rig.dial();
  for (let count = 1; count < MAX_CONNECTIONS; count++) await rig.dial();
  const late = [await rig.dial(), await rig.dial()];
  assertEquals(late.map(({ isClosed }) => isClosed), [true, true]);
  await rig.pass(1);
  assertEquals(rig.log.urgent.map(({ message, fields }) => [message, fields["count"]]), [
    ["Client refused: connection limit reached", 2],
  ]);
  first.leave();
  await rig.settle();
  const next = await rig.dial(get("/a"));
  assertEquals(next.answers, answer("/a"));
});

Deno.test("HttpServer waits for a slow handler", async () => {
  const gate = Promise.withResolvers<void>();
  const rig = new Rig(async () => {
    await gate.promise;
    return new Response("late");
  });
  const client = await rig.dial(get("/a"));
  await rig.pass(200);
  gate.resolve();
  await rig.settle();
  assertEquals(client.answers, answer("late"));
});

for (const how of ["leave", "reset"] as const) {
  Deno.test(`HttpServer aborts the signal of a handler when its client disconnects: ${how}`, async () => {
    const gone = Promise.withResolvers<void>();
    const rig = new Rig((_, { signal }) => {
      signal.addEventListener("abort", () => gone.resolve());
      return new Promise(() => {});
    });
    const client = await rig.dial(get("/a"));
    client[how]();
    await gone.promise;
  });
}

/** Takes connections over, and records its calls. */
class Owner implements ConnectionOwner {
  pipe: ConnectionPipe | null = null;
  text = "";

  onOpen(pipe: ConnectionPipe): void {
    this.pipe = pipe;
  }

  onBytes(bytes: Uint8Array): void {
    this.text += new TextDecoder().decode(bytes);
  }
}

Deno.test("HttpServer hands a connection over after the head of its response", async () => {
  const owner = new Owner();
  const aborts: number[] = [];
  const rig = new Rig((_, { signal, takeOver }) => {
    signal.addEventListener("abort", () => aborts.push(1));
    takeOver(owner);
    return new Response(null, { headers: { "content-type": "video/x-flv" } });
  });
  const client = await rig.dial(`${get("/a")}early `);
  await client.send("late");
  await owner.pipe!.write(new TextEncoder().encode("FLV"));
  await rig.pass(300);
  assertEquals(
    client.answers,
    "HTTP/1.1 200 OK\r\ncontent-type: video/x-flv\r\nconnection: close\r\n\r\nFLV",
  );
  assertEquals([owner.text, client.isClosed, aborts], ["early late", false, []]);
  owner.pipe!.close();
  await rig.settle();
  assertEquals([client.isClosed, aborts], [true, [1]]);
});

Deno.test("HttpServer writes no head of an upgrade, and closeSoon() closes after a moment", async () => {
  const owner = new Owner();
  const rig = new Rig((_, { takeOver }) => {
    takeOver(owner);
    return new Response(null, { status: 101 });
  });
  const client = await rig.dial(get("/a"));
  await owner.pipe!.write(new TextEncoder().encode("HTTP/1.1 101"));
  owner.pipe!.closeSoon();
  await rig.pass(2);
  assertEquals([client.text, client.isClosed], ["HTTP/1.1 101", false]);
  await rig.pass(1);
  assertEquals(client.isClosed, true);
});

Deno.test("HttpServer hands nothing over if the client has left before", async () => {
  const owner = new Owner();
  const gate = Promise.withResolvers<void>();
  const rig = new Rig(async (_, { takeOver }) => {
    await gate.promise;
    takeOver(owner);
    return new Response(null, { status: 101 });
  });
  const client = await rig.dial(get("/a"));
  client.reset();
  await rig.settle();
  gate.resolve();
  await rig.settle();
  assertEquals(owner.pipe, null);
});

Deno.test("HttpServer.stop() closes silent clients at once, and answers pending requests", async () => {
  const gate = Promise.withResolvers<void>();
  const rig = new Rig(async ({ url }) => {
    if (url.endsWith("/slow")) await gate.promise;
    return new Response("done");
  });
  const idle = await rig.dial(get("/a"));
  const silent = await rig.dial();
  const asking = await rig.dial(get("/slow") + get("/never"));
  const stopped = rig.server.stop();
  await rig.settle();
  assertEquals([idle.isClosed, silent.isClosed, asking.isClosed], [true, true, false]);
  gate.resolve();
  await rig.settle();
  assertEquals([asking.answers, asking.isClosed], [answer("done", "connection: close\r\n"), true]);
  await stopped;
  assertEquals(rig.clock.pendingCount, 0);
});

Deno.test("HttpServer.stop() cuts responses that do not end within half a second", async () => {
  const aborted = Promise.withResolvers<void>();
  const rig = new Rig((_, { signal }) => {
    signal.addEventListener("abort", () => aborted.resolve());
    return new Promise(() => {});
  });
  const client = await rig.dial(get("/a"));
  const stopped = rig.server.stop();
  await rig.clock.advance(500);
  await Promise.all([stopped, aborted.promise]);
  await rig.settle();
  assertEquals([client.text, client.isClosed], ["", true]);
});
