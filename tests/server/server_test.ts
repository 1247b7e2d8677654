/** Accepting clients, and closing all of them. */

import { parseConfig } from "../../lib/config/parse_config.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { ClientLimits } from "../../lib/server/client_limits.ts";
import { Server } from "../../lib/server/server.ts";
import type { Listener, Network, Transport } from "../../lib/io/transport.ts";
import { ReadPacer } from "../../lib/io/read_pacer.ts";
import { ReadBuffers } from "../../lib/io/read_buffers.ts";
import { WorkTurns } from "../../lib/io/work_turns.ts";
import { VhostDirectory } from "../../lib/server/vhost_directory.ts";
import { Gate } from "../../lib/server/gate.ts";
import { HookClient } from "../../lib/server/hook_client.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheels } from "../../lib/io/flush_wheel.ts";
import { assert, assertEquals, assertThrows } from "../helpers/assert.ts";
import { noAccessRules } from "../helpers/no_access_rules.ts";
import { FakeClock } from "../helpers/fake_clock.ts";
import { CollectedLog } from "../helpers/local_server.ts";
import { keyframe } from "../helpers/media.ts";
import { createConnection, MemoryNetwork, ScriptedNames } from "../helpers/memory_network.ts";
import { SIMPLE_HANDSHAKE } from "../helpers/session_peer.ts";
import { Client, ServerRig } from "./rig.ts";

const ADDRESS = { hostname: "127.0.0.1", port: 1935 };

Deno.test("Server.stop() closes clients in all states and leaves nothing behind", async () => {
  const rig = new ServerRig("vhost __defaultVhost__ { } vhost off { enabled off; }");
  const clients: Client[] = [
    await rig.dial(),
    await rig.connect(),
    await rig.publish(),
    await rig.play(),
    await rig.play("held"),
    await rig.play("blocked"),
    await rig.publish("blocked"),
  ];
  const refused = await rig.connect({ tcUrl: "rtmp://off/live" });
  refused.play();
  clients[6]!.push(9, 0, keyframe(1));
  clients[5]!.far.block();
  await rig.settle();
  assertEquals(rig.server.counts, { connections: 8, players: 3, publishers: 2 });
  await rig.stop();
  for (const client of [...clients, refused]) assertEquals(client.isEnded, true);
  assertEquals(rig.endings, Array.from({ length: 8 }, () => "server stops"));
});

Deno.test("Server.stop() may be called without clients, and again", async () => {
  const rig = new ServerRig();
  await rig.stop();
  await rig.stop();
});

Deno.test("Server.stop() frees the port", async () => {
  const network = new MemoryNetwork();
  await new ServerRig(undefined, { network }).stop();
  await new ServerRig(undefined, { network }).stop();
});

Deno.test("Server closes clients beyond the limit and logs it once a second", async () => {
  const rig = new ServerRig("max_connections 2; vhost __defaultVhost__ { }");
  const clients = [await rig.dial(), await rig.dial(), await rig.dial(), await rig.dial()];
  await rig.settle();
  assertEquals(clients.map(({ isEnded }) => isEnded), [false, false, true, true]);
  await rig.advance(3_000);
  const [line, ...others] = rig.log.urgent;
  assertEquals(others, []);
  assertEquals(line?.message, "Client refused: connection limit reached");
  assertEquals(line?.fields, {
    listener: "rtmp://0.0.0.0:1935",
    count: 2,
    limit: 2,
    fix: "raise max_connections",
  });
  clients[0]!.transport.close();
  await rig.settle();
  assertEquals((await rig.dial()).isEnded, false);
  await rig.stop();
});

/** A network with one listener, whose accepts a test settles. */
class FickleNetwork implements Network {
  readonly names = new ScriptedNames();
  readonly answers: (() => Promise<Transport>)[] = [];
  accepts = 0;
  #reject: (error: Error) => void = () => {};

  listen(): Listener {
    return {
      ...ADDRESS,
      accept: () => {
        this.accepts++;
        const answer = this.answers.shift();
        if (answer !== undefined) return answer();
        return new Promise((_, reject) => this.#reject = reject);
      },
      close: () => this.#reject(new Deno.errors.BadResource("closed")),
    };
  }

  connect(): Promise<Transport> {
    return Promise.reject(new Error("Cannot connect: this network only listens"));
  }
}

function failing(): Promise<Transport> {
  return Promise.reject(new Error("Too many open files (os error 24)"));
}

Deno.test("Server keeps accepting after accepts that fail", async () => {
  const network = new FickleNetwork();
  const { client, server } = createConnection();
  network.answers.push(failing, failing, () => Promise.resolve(server));
  const rig = new ServerRig(undefined, { network });
  await rig.settle();
  assertEquals(network.accepts, 1, "it pauses after a failure");
  await rig.clock.advance(99);
  assertEquals(network.accepts, 1);
  await rig.clock.advance(101);
  assertEquals(network.accepts, 4);
  assertEquals(rig.server.counts.connections, 1);
  await rig.stop();
  assertEquals(await client.read(new Uint8Array(1)), null);
});

Deno.test("Server logs once a second that it cannot accept", async () => {
  const network = new FickleNetwork();
  network.answers.push(...Array.from({ length: 15 }, () => failing));
  const rig = new ServerRig(undefined, { network });
  await rig.advance(5_000);
  assertEquals(
    rig.log.urgent.map(({ level, message, fields }) => [level, message, fields["count"]]),
    [
      ["error", "Cannot accept connections: Too many open files (os error 24)", 10],
      ["error", "Cannot accept connections: Too many open files (os error 24)", 5],
    ],
  );
  await rig.stop();
});

Deno.test("Server.stop() does not wait for the pause after a failed accept", async () => {
  const network = new FickleNetwork();
  network.answers.push(failing);
  const rig = new ServerRig(undefined, { network });
  await rig.settle();
  await rig.stop();
  assertEquals(network.accepts, 1);
});

Deno.test("Server.stop() closes a client that connects in the same turn", async () => {
  const network = new FickleNetwork();
  const { server } = createConnection();
  const accepted = Promise.withResolvers<Transport>();
  network.answers.push(() => accepted.promise);
  const rig = new ServerRig(undefined, { network });
  await rig.settle();
  accepted.resolve(server);
  await rig.stop();
  assert(server.isClosed);
});

/** A {@linkcode Server}, without the rest of the program. */
function createServer(configuration = "") {
  const network = new MemoryNetwork();
  const clock = new FakeClock();
  const log = new CollectedLog();
  const { logger } = log;
  const queue = new FlushQueue(clock);
  const hookServer = { serverId: "vid-1", serviceId: "edge" };
  const turns = new WorkTurns(clock);
  const server = new Server({
    network,
    limit: new ClientLimits({ maxConnections: 10 }, { clock, logger }),
    idPrefix: "c",
    context: {
      gate: new Gate({
        ...noAccessRules(clock),
        vhosts: createOrigins(configuration, clock),
        hooks: new HookClient({ server: hookServer, clock, logger }),
        clock,
        edgeId: "edge",
      }),
      serverName: "edge",
      queue,
      wheels: new FlushWheels(queue, clock),
      buffers: new ReadBuffers(),
      turns,
      pacer: new ReadPacer(clock, turns, queue),
      clock,
      logger,
      handshake: { random: (length) => new Uint8Array(length), nowMs: 0 },
      chunkSize: 60_000,
    },
  });
  return { network, clock, log, server };
}

function createOrigins(configuration: string, clock: FakeClock): VhostDirectory {
  const text = `listen 1935; ${configuration}`;
  const { config } = parseConfig(text, "test.conf", { readFile: () => undefined });
  const limits = { maxLagMs: 30_000, maxBytes: 1_000_000, maxMessages: 2_500, keepBackMs: 0 };
  return new VhostDirectory(
    new Map(Array.from(config.vhosts.values(), (vhost) => {
      const hub = new Hub({ chunkSize: 60_000, isAbsoluteTime: false, ...limits });
      return [vhost.name, new LocalVhost({ config: vhost, hub, clock })];
    })),
  );
}

Deno.test("Server.closeClients() closes the players and publishers of one vhost", async () => {
  const { network, clock, log, server } = createServer("vhost a.example { } vhost b.example { }");
  server.listen(ADDRESS);
  const connect = async (vhost: string) => {
    await network.connect(ADDRESS, new AbortController().signal);
    const { client: transport, server: far } = network.connections.at(-1)!;
    const client = new Client({ transport, far, clock });
    client.send(SIMPLE_HANDSHAKE);
    client.connect({ tcUrl: `rtmp://${vhost}/live` });
    await clock.settle();
    return client;
  };
  const publisher = await connect("a.example");
  const player = await connect("a.example");
  const held = await connect("a.example");
  const idle = await connect("a.example");
  const other = await connect("b.example");
  for (const client of [publisher, other]) client.publish();
  await clock.settle();
  player.play();
  held.play("nothing");
  await clock.settle();
  assertEquals(server.counts, { connections: 5, players: 2, publishers: 2 });
  server.closeClients("a.example", "vhost removed");
  await clock.settle();
  assertEquals(server.counts, { connections: 5, players: 0, publishers: 1 });
  const told = [publisher, player, held].map(({ descriptions }) => descriptions.at(-1));
  assertEquals(told, [
    "Publish ended: vhost removed",
    "Play ended: vhost removed",
    "Play ended: vhost removed",
  ]);
  await clock.advance(2_500);
  const clients = [publisher, player, held, idle, other];
  assertEquals(clients.map(({ isEnded }) => isEnded), [true, true, true, false, false]);
  const ends = log.lines.filter(({ fields }) => fields["cause"] === "vhost removed");
  assertEquals(ends.length, 6, "each client's stream and connection");
  await server.stop();
});

Deno.test("Server.listen() throws when the address is in use and serves the others", async () => {
  const { network, clock, server } = createServer();
  assertEquals(server.listen({ ...ADDRESS, port: 0 }), { ...ADDRESS, port: 20_001 });
  assertThrows(() => server.listen({ ...ADDRESS, port: 20_001 }), Deno.errors.AddrInUse);
  await network.connect({ ...ADDRESS, port: 20_001 }, new AbortController().signal);
  await clock.settle();
  assertEquals(server.counts.connections, 1);
  await server.stop();
  assertEquals(clock.pendingCount, 0);
});
