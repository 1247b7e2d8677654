import type { AmfValue } from "../../lib/amf/amf_value.ts";
import { startServer } from "../../lib/app/compose.ts";
import { createHttpListeners } from "../../lib/app/http_listeners.ts";
import type { RunningServer } from "../../lib/app/relay_server.ts";
import { encodeUtf8 } from "../../lib/base/bytes.ts";
import type { Config } from "../../lib/config/config.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import type { Listener, NetAddress, Network, Transport } from "../../lib/io/transport.ts";
import { Client } from "../server/rig.ts";
import { FakeClock } from "./fake_clock.ts";
import { HookScript } from "./hook_script.ts";
import { CollectedLog } from "./local_server.ts";
import { MemoryNetwork, type MemoryTransport } from "./memory_network.ts";
import { SIMPLE_HANDSHAKE } from "./session_peer.ts";
import { readText } from "./read_text.ts";
import { needs } from "./permissions.ts";

/** A whole exchange over three servers takes fewer. */
const SETTLE_ROUNDS = 60;

/** What an HTTP client got so far. */
interface HttpPeer {
  readonly transport: MemoryTransport;
  text: string;
}

/**
 * Servers in memory, with everything that they may tell a stranger: log, callbacks, API, and what
 * they send to each other. Files of secrets and of HLS are real ones, in a folder of the rig.
 */
export class AccessRig implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork();
  readonly log = new CollectedLog();
  readonly hooks = new HookScript();
  readonly folder = Deno.makeTempDirSync();
  /** All that servers wrote to other servers, as Latin-1. */
  upstreamText = "";
  readonly #servers: RunningServer[] = [];

  /** Starts a server; `text` is its configuration without `listen`. */
  start(port: number, text: string): RunningServer {
    const server = startServer(this.parse(port, text), {
      network: new RecordingNetwork(this.network, (bytes) => {
        this.upstreamText += String.fromCharCode(...bytes);
      }),
      clock: this.clock,
      logger: this.log.logger,
      hookFetch: this.hooks.fetch,
      createHttp: createHttpListeners,
    });
    this.#servers.push(server);
    return server;
  }

  parse(port: number, text: string): Config {
    return parseConfig(`listen ${port}; ${text}`, "test.conf", { readFile: () => undefined })
      .config;
  }

  /** Writes a file into the folder. @returns its path */
  write(name: string, text: string): string {
    const path = `${this.folder}/${name}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, text);
    return path;
  }

  /** An RTMP client after `connect`, by default to `rtmp://a.example/live`. */
  async connect(
    port: number,
    properties: Readonly<Record<string, AmfValue>> = {},
  ): Promise<Client> {
    await this.network.connect({ hostname: "127.0.0.1", port }, new AbortController().signal);
    const { client: transport, server: far } = this.network.connections.at(-1)!;
    const client = new Client({ transport, far, clock: this.clock });
    client.send(SIMPLE_HANDSHAKE);
    client.connect({ tcUrl: "rtmp://a.example/live", ...properties });
    await this.settle();
    return client;
  }

  /** A client that has asked to publish. */
  async publish(port: number, name: string, tcUrl = "rtmp://a.example/live"): Promise<Client> {
    const client = await this.connect(port, { tcUrl, swfUrl: tcUrl });
    client.publish(name);
    await this.settle();
    return client;
  }

  /** A client that has asked to play. */
  async play(port: number, name: string, tcUrl = "rtmp://a.example/live"): Promise<Client> {
    const client = await this.connect(port, { tcUrl });
    client.play(name);
    await this.settle();
    return client;
  }

  /** Sends a GET request, and keeps what the server answers. */
  async get(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpPeer> {
    await this.network.connect({ hostname: "127.0.0.1", port }, new AbortController().signal);
    const transport = this.network.connections.at(-1)!.client;
    const peer = { transport, text: "" };
    void readText(transport, (text) => peer.text += text);
    const lines = Object.entries({ host: "a.example", ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`);
    await transport.write(encodeUtf8(`GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`));
    await this.settle();
    return peer;
  }

  async settle(): Promise<void> {
    for (let round = 0; round < SETTLE_ROUNDS; round++) await this.clock.advance(0);
  }

  /** Advances time in steps of 0.1 s at most. */
  async advance(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) await this.clock.advance(Math.min(left, 100));
    await this.settle();
  }

  /** The text of all log lines, and of their fields. */
  get logText(): string {
    return this.log.lines.map((line) => JSON.stringify(line)).join("\n");
  }

  /** Everything that a stranger may see, by where. */
  async visibleTexts(): Promise<Record<string, string>> {
    const views = await Promise.all(this.#servers.map(({ view }) => view.snapshot()));
    return {
      log: this.logText,
      "API and metrics": JSON.stringify(views),
      callbacks: JSON.stringify(this.hooks.requests.map(({ url, payload }) => ({ url, payload }))),
      "other servers": this.upstreamText,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) await server.stop();
    await this.settle();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The network of a server, which tells what it writes on connections that it made. */
class RecordingNetwork implements Network {
  readonly #network: Network;
  readonly #onWritten: (bytes: Uint8Array) => void;

  get names(): Network["names"] {
    return this.#network.names;
  }

  constructor(network: Network, onWritten: (bytes: Uint8Array) => void) {
    this.#network = network;
    this.#onWritten = onWritten;
  }

  listen(address: NetAddress): Listener {
    return this.#network.listen(address);
  }

  async connect(address: NetAddress, signal: AbortSignal): Promise<Transport> {
    const transport = await this.#network.connect(address, signal);
    const onWritten = this.#onWritten;
    return {
      remote: transport.remote,
      isSecure: transport.isSecure,
      read: (buffer) => transport.read(buffer),
      write(bytes) {
        onWritten(bytes);
        return transport.write(bytes);
      },
      close: () => transport.close(),
    };
  }
}

const files = await needs("read", "write");

/** Registers a test that has its own rig. It is skipped where files may not be written. */
export function testAccess(name: string, run: (rig: AccessRig) => Promise<void>): void {
  Deno.test({
    ...files,
    name,
    async fn() {
      await using rig = new AccessRig();
      await run(rig);
    },
  });
}
