/** `max_connections` counts the clients of all listeners together. */

import { startServer } from "../../lib/app/compose.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { assertEquals } from "../helpers/assert.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { MemoryNetwork, type MemoryTransport } from "../helpers/memory_network.ts";

const RTMP_PORT = 1935;
const FILES_PORT = 8080;
const API_PORT = 1985;

class Rig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly log = new CollectedLog();
  readonly #network = new MemoryNetwork();
  readonly #server;

  constructor(maxConnections: number) {
    const text = `listen 127.0.0.1:${RTMP_PORT}; max_connections ${maxConnections};
      http_api { enabled on; listen 127.0.0.1:${API_PORT}; }
      http_server { enabled on; listen 127.0.0.1:${FILES_PORT}; dir /nowhere; }
      vhost __defaultVhost__ { }`;
    const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
    this.#server = startServer(config, {
      network: this.#network,
      clock: this.clock,
      logger: this.log.logger,
      createHttp: createHttpListeners,
    });
  }

  /** Connects to a port. @returns the server's end of the connection */
  async dial(port: number): Promise<MemoryTransport> {
    const address = { hostname: "127.0.0.1", port };
    await this.#network.connect(address, new AbortController().signal);
    await this.clock.settle();
    return this.#network.connections.at(-1)!.server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = this.#server.stop();
    await this.clock.advance(1_000);
    await stopped;
    assertEquals(this.clock.pendingCount, 0, "timers are left");
  }
}

Deno.test("max_connections 2 admits two clients over RTMP, http_server and http_api together", async () => {
  await using rig = new Rig(2);
  const clients: MemoryTransport[] = [];
  for (const port of [RTMP_PORT, FILES_PORT, API_PORT, RTMP_PORT, FILES_PORT, API_PORT]) {
    clients.push(await rig.dial(port));
  }
  assertEquals(clients.map(({ isClosed }) => isClosed), [false, false, true, true, true, true]);
  await rig.clock.advance(1_000);
  const fix = "raise max_connections";
  assertEquals(
    rig.log.urgent.map(({ message, fields }) => ({ message, ...fields })),
    [
      { listener: `http_api http://127.0.0.1:${API_PORT}`, count: 2 },
      { listener: `rtmp://127.0.0.1:${RTMP_PORT}`, count: 1 },
      { listener: `http_server http://127.0.0.1:${FILES_PORT}`, count: 1 },
    ].map((fields) => ({
      message: "Client refused: connection limit reached",
      ...fields,
      limit: 2,
      fix,
    })),
  );
});

Deno.test("A client that leaves one listener makes room at another", async () => {
  await using rig = new Rig(2);
  const [player] = [await rig.dial(RTMP_PORT), await rig.dial(FILES_PORT)];
  assertEquals((await rig.dial(API_PORT)).isClosed, true);
  player!.reset();
  await rig.clock.settle();
  assertEquals((await rig.dial(API_PORT)).isClosed, false);
});
