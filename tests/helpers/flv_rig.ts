import { concatBytes } from "../../lib/base/bytes.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { createFlvRoutes } from "../../lib/http/flv_routes.ts";
import { FlvService } from "../../lib/http/flv_service.ts";
import type { HttpApp } from "../../lib/http/routes.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { type FlvTag, readFlv } from "../../lib/media/flv_file.ts";
import { FlushQueue } from "../../lib/io/flush_queue.ts";
import { FlushWheels } from "../../lib/io/flush_wheel.ts";
import { LocalVhost } from "../../lib/origin/local_vhost.ts";
import { Gate } from "../../lib/server/gate.ts";
import { VhostDirectory } from "../../lib/server/vhost_directory.ts";
import type { Departure, PublishAnswer, VhostService } from "../../lib/server/vhost_service.ts";
import { HookClient, type HookFetch } from "../../lib/server/hook_client.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import type { ConnectionOwner } from "../../lib/http/http_connection.ts";
import { noAccessRules } from "./no_access_rules.ts";
import { CHUNK_SIZE } from "./edge_rig.ts";
import { FakeClock } from "./fake_clock.ts";
import { CollectedLog } from "./local_server.ts";
import { readChunks } from "./read_chunks.ts";
import { createConnection, type MemoryTransport } from "./memory_network.ts";

const REMOTE = "203.0.113.9:52114";

/** Options of {@linkcode FlvRig}. */
interface FlvRigOptions {
  /** Vhost blocks of a configuration file. */
  readonly vhosts?: string;
  /** Serves the vhosts in place of an origin. */
  readonly service?: VhostService;
  readonly clock?: FakeClock;
  readonly hookFetch?: HookFetch;
}

/**
 * HTTP-FLV without sockets: an origin's vhost, the routes, and viewers that read at the pace a test
 * sets.
 */
export class FlvRig {
  readonly clock: FakeClock;
  readonly log = new CollectedLog();
  readonly service: FlvService;
  readonly #vhosts: VhostDirectory;
  readonly #app: HttpApp;
  readonly #readers = new Map<Response, FlvReader>();

  constructor(options: FlvRigOptions = {}) {
    const { clock = new FakeClock(), hookFetch } = options;
    const text = options.vhosts ??
      "vhost __defaultVhost__ { play { mw_latency 0; } http_remux { enabled on; } }";
    const { config } = parseConfig(`listen 1935;\n${text}`, "test.conf", {
      readFile: () => undefined,
    });
    this.clock = clock;
    const services = new Map<string, VhostService>();
    for (const vhost of config.vhosts.values()) {
      const hub = new Hub({
        chunkSize: CHUNK_SIZE,
        isAbsoluteTime: vhost.play.atc,
        maxLagMs: vhost.play.queueLengthMs,
        maxBytes: vhost.play.gopMaxBytes,
        maxMessages: vhost.play.gopCacheMaxFrames,
        keepBackMs: 3_500,
      });
      services.set(vhost.name, options.service ?? new LocalVhost({ config: vhost, hub, clock }));
    }
    this.#vhosts = new VhostDirectory(services);
    const queue = new FlushQueue(clock);
    const hooks = new HookClient({
      server: { serverId: "vid-1", serviceId: "1" },
      clock,
      logger: this.log.logger,
      ...(hookFetch === undefined ? {} : { hookFetch }),
    });
    const gate = new Gate({
      ...noAccessRules(clock),
      vhosts: this.#vhosts,
      hooks,
      clock,
      edgeId: "e1",
    });
    this.service = new FlvService({
      queue,
      wheels: new FlushWheels(queue, clock),
      clock,
      logger: this.log.logger,
      gate,
      chunkSize: CHUNK_SIZE,
      idPrefix: "h",
    });
    this.#app = createFlvRoutes({ vhosts: this.#vhosts, gate, service: this.service });
    this.#app.notFound((c) => c.text("Not for HTTP-FLV\n", 404));
  }

  /** Sends a request; the answer may take a while. */
  async fetch(path = "/live/show.flv", init: RequestInit = {}): Promise<Response> {
    const abort = new AbortController();
    init.signal?.addEventListener("abort", () => abort.abort());
    const url = `http://127.0.0.1:8080${path}`;
    const request = new Request(url, init);
    const takers: ConnectionOwner[] = [];
    const takeOver = (owner: ConnectionOwner) => void takers.push(owner);
    const response = await this.#app.fetch(request, {
      ...{ remote: REMOTE, isHttp10: false, signal: abort.signal, takeOver },
    });
    for (const owner of takers) this.#readers.set(response, connect(owner, abort));
    return response;
  }

  /** Sends a request that is answered with a stream, and reads the stream. */
  async watch(path?: string, init?: RequestInit): Promise<FlvReader> {
    const reader = this.readerOf(await this.fetch(path, init));
    await this.clock.advance(20);
    return reader;
  }

  /** Returns the reader of what follows the head of an answer. */
  readerOf(response: Response): FlvReader {
    const reader = this.#readers.get(response);
    if (reader === undefined) throw new Error(`Unexpected status ${response.status}`);
    return reader;
  }

  /** Publishes `live/show`. */
  publish(vhost = "v"): FlvPublisher {
    return new FlvPublisher(this.#vhosts.find(vhost)!);
  }
}

/** A publisher of `live/show`. */
class FlvPublisher implements PublishAnswer {
  /** Called by a probe; by default it gives no sign of life. */
  probe(): () => void {
    return () => {};
  }

  #push: (typeId: number, timestampMs: number, payload: Uint8Array) => void = () => {};
  readonly #leave: (departure: Departure) => void;

  constructor(service: VhostService) {
    const url = parseStreamUrl({ tcUrl: "rtmp://127.0.0.1/live", app: "live", stream: "show" });
    const request = { url, name: "live/show", edgePath: [], backlogMs: 0 };
    const ticket = service.publish(request, this);
    this.#leave = (departure) => ticket.leave(departure);
  }

  onAccepted(handle: Parameters<PublishAnswer["onAccepted"]>[0]): void {
    this.#push = (typeId, timestampMs, payload) =>
      handle.push(typeId, timestampMs, payload, timestampMs);
  }

  onRefused(): void {
    throw new Error("Publisher refused");
  }

  onReplaced(): void {}

  push(typeId: number, timestampMs: number, payload: Uint8Array): this {
    this.#push(typeId, timestampMs, payload);
    return this;
  }

  leave(departure: Departure = "stopped"): void {
    this.#leave(departure);
  }
}

/**
 * Makes a connection for `owner`, as `HttpConnection` does; `abort` reports that the viewer has
 * left.
 */
function connect(owner: ConnectionOwner, abort: AbortController): FlvReader {
  const { client, server } = createConnection();
  const close = () => {
    server.close();
    abort.abort();
  };
  const noticed = server.read(new Uint8Array(1)).then(close, close);
  owner.onOpen({ write: (bytes) => server.write(bytes), close, closeSoon: close });
  return new FlvReader(client, server, noticed);
}

/** Reads what a viewer receives, unless paused. */
class FlvReader {
  isEnded = false;
  readonly #client: MemoryTransport;
  readonly #server: MemoryTransport;
  readonly #chunks: Uint8Array[] = [];

  readonly #noticed: Promise<void>;

  constructor(client: MemoryTransport, server: MemoryTransport, noticed: Promise<void>) {
    this.#client = client;
    this.#server = server;
    this.#noticed = noticed;
    void this.#run();
  }

  /** Bytes received, including the framing around the body. */
  get byteCount(): number {
    return concatBytes(this.#chunks).length;
  }

  get bytes(): Uint8Array {
    return readChunks(concatBytes(this.#chunks));
  }

  /** Whether the body has ended, and was not cut off. */
  get isWhole(): boolean {
    return new TextDecoder("latin1").decode(this.#chunks.at(-1)) === "0\r\n\r\n";
  }

  /** Writes received. */
  get chunkCount(): number {
    return this.#chunks.length;
  }

  get tags(): FlvTag[] {
    return readFlv(this.bytes).tags;
  }

  /** Stops reading: a write in flight stays pending. */
  pause(): void {
    this.#server.block();
  }

  resume(): void {
    this.#server.unblock();
  }

  /** Closes the connection; resolves when the other end has noticed. */
  async cancel(): Promise<void> {
    this.#client.close();
    await this.#noticed;
  }

  async #run(): Promise<void> {
    const buffer = new Uint8Array(16 * 1024 * 1024);
    try {
      while (true) {
        const count = await this.#client.read(buffer);
        if (count === null) break;
        this.#chunks.push(buffer.slice(0, count));
      }
      this.isEnded = true;
    } catch {
      // Closed by this end.
    }
  }
}
