import { Certificates } from "../../lib/app/certificates.ts";
import { HttpListeners, type HttpListenersOptions } from "../../lib/app/http_listeners.ts";
import type { Config } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { HttpListenError } from "../../lib/http/http_listen_error.ts";
import { ClientLimits } from "../../lib/server/client_limits.ts";
import { assertEquals, assertRejects, assertThrows } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { MemoryNetwork, type MemoryTransport } from "../helpers/memory_network.ts";
import { FakeView } from "../http/fake_view.ts";

const FIRST = 1985;
const SECOND = 1986;
const BUSY = 1987;

/** `http_api` on these ports. */
function api(...ports: number[]): Config {
  return parse(ports, "");
}

function apiWithPassword(port: number): Config {
  return parse([port], "auth { enabled on; username admin; password secret; }");
}

function parse(ports: readonly number[], more: string): Config {
  const listen = ports.map((port) => `127.0.0.1:${port}`).join(" ");
  const text = `listen 1935; http_api { enabled on; listen ${listen}; ${more} } vhost v { }`;
  return parseConfig(text, "test.conf", { readFile: () => undefined }).config;
}

class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly listeners: HttpListeners;

  constructor(config: Config, streams: HttpListenersOptions["streams"] = null) {
    const { clock, network } = this;
    const { logger } = new CollectedLog();
    this.network.listen({ hostname: "127.0.0.1", port: BUSY });
    this.listeners = new HttpListeners({
      config,
      network,
      clock,
      logger,
      limit: new ClientLimits(config, { clock, logger }),
      view: new FakeView(),
      control: null,
      identity: { serverId: "vid-1", serviceId: "1", pid: 1 },
      streams,
      isReady: () => true,
      drain: () => null,
      certificates: new Certificates({ clock, logger }),
    });
  }

  get ports(): number[] {
    return this.listeners.addresses.map(({ port }) => port);
  }

  async dial(port: number): Promise<Client> {
    await this.network.connect({ hostname: "127.0.0.1", port }, new AbortController().signal);
    await this.clock.settle();
    return new Client(this.network.connections.at(-1)!.client);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.listeners.stop();
    await this.clock.advance(1_000);
    await stopped;
  }
}

class Client {
  readonly #transport: MemoryTransport;

  constructor(transport: MemoryTransport) {
    this.#transport = transport;
  }

  /** The status that a path is answered with. */
  async get(path: string): Promise<string> {
    const head = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
    await this.#transport.write(new TextEncoder().encode(head));
    const buffer = new Uint8Array(100_000);
    let text = "";
    while (!text.includes("\r\n\r\n")) {
      const count = await this.#transport.read(buffer);
      text += new TextDecoder().decode(buffer.subarray(0, count!));
    }
    return text.slice(9, 12);
  }
}

Deno.test("HttpListeners listens on nothing before start()", async () => {
  await using rig = new Rig(api(FIRST));
  assertEquals(rig.ports, []);
  await assertRejects(() => rig.dial(FIRST), Deno.errors.ConnectionRefused);
  rig.listeners.start();
  assertEquals(rig.ports, [FIRST]);
});

Deno.test("HttpListeners.start() listens on no address when one is in use", async () => {
  await using rig = new Rig(api(FIRST, BUSY));
  assertThrows(() => rig.listeners.start(), HttpListenError);
  await assertRejects(() => rig.dial(FIRST), Deno.errors.ConnectionRefused);
});

Deno.test("HttpListeners.apply() opens and closes listeners; clients stay", async () => {
  await using rig = new Rig(api(FIRST));
  rig.listeners.start();
  const client = await rig.dial(FIRST);
  await rig.listeners.apply(api(SECOND));
  assertEquals(rig.ports, [SECOND]);
  await assertRejects(() => rig.dial(FIRST), Deno.errors.ConnectionRefused);
  assertEquals(await client.get("/api/v1/versions"), "200");
  assertEquals(await (await rig.dial(SECOND)).get("/api/v1/versions"), "200");
});

Deno.test("HttpListeners.apply() replaces the routes of a listener that stays", async () => {
  await using rig = new Rig(api(FIRST));
  rig.listeners.start();
  const client = await rig.dial(FIRST);
  assertEquals(await client.get("/api/v1/versions"), "200");
  await rig.listeners.apply(apiWithPassword(FIRST));
  assertEquals(await client.get("/api/v1/versions"), "401");
  assertEquals(rig.ports, [FIRST]);
});

Deno.test("HttpListeners.apply() changes nothing when an address is in use", async () => {
  await using rig = new Rig(api(FIRST));
  rig.listeners.start();
  await assertRejects(() => rig.listeners.apply(api(SECOND, BUSY)), HttpListenError);
  assertEquals(rig.ports, [FIRST]);
  assertEquals(await (await rig.dial(FIRST)).get("/api/v1/versions"), "200");
  await assertRejects(() => rig.dial(SECOND), Deno.errors.ConnectionRefused);
});

Deno.test("HttpListeners keeps an API without a password to this machine on a shared port", async () => {
  const text = `listen 1935; http_api { enabled on; listen ${FIRST}; }
    http_server { enabled on; listen ${FIRST}; dir none; } vhost v { }`;
  const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
  // Not reached by these requests.
  await using rig = new Rig(config, {} as NonNullable<HttpListenersOptions["streams"]>);
  rig.listeners.start();
  for (const [ip, isServed] of [["127.0.0.1", true], ["203.0.113.9", false], ["::1", true]]) {
    rig.network.clientIp = String(ip);
    const status = await (await rig.dial(FIRST)).get("/api/v1/versions");
    assertEquals(status === "200", isServed, `${ip}: ${status}`);
  }
});
