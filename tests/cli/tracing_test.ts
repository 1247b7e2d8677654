/** The runtime's OpenTelemetry exporter: requests are exported as spans, without secrets. */

import { assertEquals } from "../helpers/assert.ts";
import { PROJECT_ROOT } from "../helpers/edge_server.ts";
import { needs } from "../helpers/permissions.ts";
import { freePort } from "../helpers/ports.ts";
import { startProcess } from "../helpers/processes.ts";
import { until } from "../helpers/until.ts";
import { CHILD_TIMEOUT_MS, inTempDirectory } from "../helpers/child.ts";

const granted = await needs("net", "read", "write", "run", "env");

/** The exporter sends every five seconds. */
const EXPORT_TIMEOUT_MS = 20_000;

/** Collects what is exported. Spans are protocol buffers, which contain texts unchanged. */
class Collector implements AsyncDisposable {
  spans = "";
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const text = new TextDecoder("latin1").decode(await request.bytes());
      if (new URL(request.url).pathname === "/v1/traces") this.spans += text;
      return new Response();
    },
  );

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

Deno.test({
  ...granted,
  name: "edge exports requests as OpenTelemetry spans, without their query",
  fn: () =>
    inTempDirectory(async (directory) => {
      await using collector = new Collector();
      const port = freePort();
      await Deno.writeTextFile(
        `${directory}/edge.conf`,
        `listen 1935; http_api { enabled on; listen ${port}; } vhost __defaultVhost__ { }`,
      );
      const settings = ["OTEL_DENO=true", `OTEL_EXPORTER_OTLP_ENDPOINT=${collector.url}`];
      await using edge = startProcess({
        name: "edge",
        command: [
          "env",
          ...settings,
          ...fromSource(),
          "-c",
          "edge.conf",
          "--listen",
          "127.0.0.1:0",
        ],
        cwd: directory,
      });
      await edge.waitForLine(/Listening on http:/, CHILD_TIMEOUT_MS);
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/versions?token=SECRET`);
      await response.body?.cancel();
      const isExported = () => collector.spans.includes("/api/v1/versions");
      await until("the span", isExported, { timeoutMs: EXPORT_TIMEOUT_MS });
      for (const name of ["url.path", "http.request.method", "http.response.status_code"]) {
        assertEquals(collector.spans.includes(name), true, name);
      }
      assertEquals(collector.spans.includes("SECRET"), false);
    }),
});

/** Runs from source: an executable exports only if it was compiled to. */
function fromSource(): string[] {
  const config = `--config=${PROJECT_ROOT}deno.json`;
  const allowed = ["--allow-net", "--allow-read", "--allow-write"];
  return [Deno.execPath(), "run", config, ...allowed, `${PROJECT_ROOT}main.ts`];
}
