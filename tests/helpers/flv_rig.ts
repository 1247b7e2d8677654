/** HTTP-FLV without sockets: an origin's vhost, the routes, and viewers that read as a test likes. */

import { concatBytes } from "../../lib/base/bytes.ts";
import { parseConfig } from "../../lib/config/parse_config.ts";
import { createFlvRoutes } from "../../lib/http/flv_routes.ts";
import { FlvService } from "../../lib/http/flv_service.ts";
import type { HttpApp } from "../../lib/http/routes.ts";
import { Hub } from "../../lib/hub/hub.ts";
import { type FlvTag, readFlv } from "../../lib/media/flv_file.ts";
import { FlushQueue } from "../../lib/net/flush_queue.ts";
import { FlushWheels } from "../../lib/net/flush_wheel.ts";
import { LocalVhost } from "../../lib/net/local_vhost.ts";
import { VhostDirectory } from "../../lib/net/vhost_directory.ts";
import type { Departure, PublishAnswer, VhostService } from "../../lib/net/vhost_service.ts";
import { HookClient, type HookFetch } from "../../lib/policy/hook_client.ts";
import { parseStreamUrl } from "../../lib/rtmp/url.ts";
import { FakeClock } from "./fake_clock.ts";
import { CollectedLog } from "./local_server.ts";

/** Chunk size of the streams. */
export const CHUNK_SIZE = 60_000;

const REMOTE = "203.0.113.9:52114";

/** Options of {@linkcode FlvRig}. */
export interface FlvRigOptions {
  /** The vhosts' part of a configuration file. */
  readonly vhosts?: string;
  /** A service instead of an origin for the vhosts. */
  readonly service?: VhostService;
  readonly clock?: FakeClock;
  readonly hookFetch?: HookFetch;
  readonly maxConnections?: number;
}

/** See the file comment. */
export class FlvRig {
  readonly clock: FakeClock;
  readonly log = new CollectedLog();
  readonly service: FlvService;
  readonly #vhosts: VhostDirectory;
  readonly #app: HttpApp;

  constructor(options: FlvRigOptions = {}) {
    const { clock = new FakeClock(), hookFetch, maxConnections = 1_000 } = options;
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
    this.service = new FlvService({
      queue,
      wheels: new FlushWheels(queue, clock),
      clock,
      logger: this.log.logger,
      hooks,
      chunkSize: CHUNK_SIZE,
      idPrefix: "h",
      maxConnections,
    });
    this.#app = createFlvRoutes({ vhosts: this.#vhosts, service: this.service, clock });
    this.#app.notFound((c) => c.text("Not for HTTP-FLV\n", 404));
  }

  /** Sends a request; the answer may be a while in coming. */
  fetch(path = "/live/show.flv", init: RequestInit = {}): Promise<Response> {
    const request = new Request(`http://127.0.0.1:8080${path}`, init);
    return Promise.resolve(this.#app.fetch(request, { remote: REMOTE }));
  }

  /** Sends a request that is answered with a stream, and reads it. */
  async watch(path?: string, init?: RequestInit): Promise<FlvReader> {
    const response = await this.fetch(path, init);
    if (response.status !== 200) throw new Error(`Answered with ${response.status}`);
    const reader = new FlvReader(response.body!);
    await this.clock.advance(20);
    return reader;
  }

  /** Publishes `live/show`. */
  publish(vhost = "v"): FlvPublisher {
    return new FlvPublisher(this.#vhosts.find(vhost)!);
  }
}

/** A publisher of `live/show`. */
export class FlvPublisher implements PublishAnswer {
  readonly lastHeardMs = 0;
  #push: (typeId: number, timestampMs: number, payload: Uint8Array) => void = () => {};
  readonly #leave: (departure: Departure) => void;

  constructor(service: VhostService) {
    const url = parseStreamUrl({ tcUrl: "rtmp://127.0.0.1/live", app: "live", stream: "show" });
    const request = { url, name: "live/show", edgePath: [], backlogMs: 0 };
    const ticket = service.publish(request, this);
    this.#leave = (departure) => ticket.leave(departure);
  }

  onAccepted(handle: Parameters<PublishAnswer["onAccepted"]>[0]): void {
    this.#push = (...message) => handle.push(...message);
  }

  onRefused(): void {
    throw new Error("The publisher is refused");
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

/** Reads the body of a response, unless it is told not to. */
export class FlvReader {
  isEnded = false;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #chunks: Uint8Array[] = [];
  #gate: PromiseWithResolvers<void> | null = null;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader();
    void this.#run();
  }

  get bytes(): Uint8Array {
    return concatBytes(this.#chunks);
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  get tags(): FlvTag[] {
    return readFlv(this.bytes).tags;
  }

  /** Asks for nothing more, beyond what it has asked for. */
  pause(): void {
    this.#gate ??= Promise.withResolvers();
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  /** Goes away. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }

  async #run(): Promise<void> {
    while (true) {
      await this.#gate?.promise;
      const { done, value } = await this.#reader.read();
      if (done) break;
      this.#chunks.push(value);
    }
    this.isEnded = true;
  }
}
