import { systemClock } from "../../lib/base/clock.ts";
import { silentLogger } from "../../lib/base/log.ts";
import type { HttpAuthConfig } from "../../lib/config/config.ts";
import { createApiApp } from "../../lib/http/apps.ts";
import { EventLog } from "../../lib/monitor/event_log.ts";
import { FakeControl } from "../http/fake_control.ts";
import { FakeView } from "../http/fake_view.ts";

/** An API without a password. */
export const NO_AUTH: HttpAuthConfig = {
  enabled: false,
  type: "basic",
  username: "",
  password: "",
  token: "",
};

/** An API with a made-up snapshot, and its page. */
export class FakeServer implements AsyncDisposable {
  readonly view = new FakeView();
  readonly control = new FakeControl();
  readonly events = new EventLog(silentLogger, Date.now);
  readonly port: number;
  /** Wall clock of the server, ms since 1970. */
  nowMs = 1_700_000_000_000;
  /** Paths of all requests to the API. */
  readonly requests: string[] = [];
  #auth;
  #server: Deno.HttpServer;

  constructor(auth: HttpAuthConfig = NO_AUTH, port = 0) {
    this.#auth = auth;
    this.#server = this.#listen(port);
    this.port = (this.#server.addr as Deno.NetAddr).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/console/`;
  }

  /** Number of times that the page has asked for what it shows. */
  get polls(): number {
    return this.requests.filter((path) => path === "/api/v1/summaries").length;
  }

  /** Stops listening and closes all connections. */
  async stop(): Promise<void> {
    await this.#server.shutdown();
  }

  restart(auth = this.#auth): void {
    this.#auth = auth;
    this.#server = this.#listen(this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #listen(port: number): Deno.HttpServer {
    const app = createApiApp({
      config: {
        crossdomain: true,
        jsonp: false,
        auth: this.#auth,
        rawApi: { enabled: false, allowReload: false },
        listen: [],
      },
      view: this.view,
      control: this.control,
      events: this.events,
      identity: { serverId: "vid-1", serviceId: "s", pid: 1 },
      now: () => this.nowMs,
      isReady: () => true,
      drain: () => null,
      streams: { port: null, mounts: { "edge.example": "/[app]/[stream].flv" } },
      clock: systemClock,
      logger: silentLogger,
    });
    return Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, (request) => {
      this.requests.push(new URL(request.url).pathname);
      return app.fetch(request, { remote: "127.0.0.1:50000" });
    });
  }
}
