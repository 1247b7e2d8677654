/**
 * HTTP-FLV: `GET /app/stream.flv` returns the stream for as long as it lasts, as the body of the
 * response or, after an upgrade, as binary messages of a WebSocket. A request is a viewer: an edge
 * pulls the stream for it, and it is held until the stream is published.
 */

import { refuseNotLive, type Verdict } from "../server/admission.ts";
import type { Gate } from "../server/gate.ts";
import { ipOf } from "../io/address.ts";
import type { VhostDirectory } from "../server/vhost_directory.ts";
import type { VhostService } from "../server/vhost_service.ts";
import type { StreamUrl } from "../rtmp/url.ts";
import { matchMount } from "./flv_mount.ts";
import { ChunkedBody, type FlvOutlet, PlainBody, WebSocketOutlet } from "./flv_outlet.ts";
import { bearerOf } from "./bearer.ts";
import { contentTypeOf } from "./create_framing.ts";
import type { FlvService } from "./flv_service.ts";
import type { FlvViewer } from "./flv_viewer.ts";
import { isSocketRequest, wantsSocket } from "./peer_socket.ts";
import { createApp, type HttpApp, type RouteContext } from "./routes.ts";
import { partsOf, streamUrlAt } from "./stream_of_request.ts";

/** What serves the streams. */
export interface FlvRoutesOptions {
  readonly vhosts: VhostDirectory;
  readonly gate: Gate;
  readonly service: FlvService;
}

const METHODS = "GET, HEAD, OPTIONS";

/** Returns the routes. Other requests pass to the next routes. */
export function createFlvRoutes(options: FlvRoutesOptions): HttpApp {
  const app = createApp();
  app.use("*", (c, next) => {
    const url = findUrl(c.req.raw, options.vhosts);
    return url === null ? next() : Promise.resolve(answer(c, url, options));
  });
  return app;
}

/** Returns the requested stream; null if it is not one of a vhost that serves HTTP-FLV. */
function findUrl(request: Request, vhosts: VhostDirectory): StreamUrl | null {
  const parts = partsOf(request);
  // The vhost does not depend on the path, but the form of the path depends on the vhost.
  const any = streamUrlAt(parts, "app", "stream");
  const service = any && vhosts.find(any.vhost);
  if (service === null || !service.config.httpRemux.enabled) return null;
  const place = matchMount(service.config.httpRemux.mount, parts.path);
  return place === null ? null : streamUrlAt(parts, place.app, place.stream);
}

function answer(
  c: RouteContext,
  url: StreamUrl,
  options: FlvRoutesOptions,
): Response | Promise<Response> {
  switch (c.req.method) {
    case "OPTIONS":
      return c.body(null, 204, { allow: METHODS });
    case "GET":
    case "HEAD":
      return answerViewer(c, url, options);
    default:
      return c.text(`Use ${METHODS}\n`, 405, { allow: METHODS });
  }
}

function answerViewer(
  c: RouteContext,
  url: StreamUrl,
  options: FlvRoutesOptions,
): Response | Promise<Response> {
  const ip = ipOf(c.env.remote);
  // For a WebSocket, browsers send the origin of the page only.
  const pageUrl = c.req.header("referer") ?? c.req.header("origin") ?? "";
  const isSocket = wantsSocket(c.req.raw);
  const protocol = isSocket ? "ws-flv" : "http-flv";
  const bearer = bearerOf(c.req.raw);
  if (c.req.method === "HEAD") {
    const client = { action: "play", protocol, url, ip, pageUrl, bearer } as const;
    return answerHead(c, options.gate.check(client), options.service);
  }
  if (isSocket && !isSocketRequest(c.req.raw)) {
    return c.text("Not a valid WebSocket request\n", 400);
  }
  const { promise, resolve } = Promise.withResolvers<Response>();
  const headers = headersOf(options.vhosts.find(url.vhost)!);
  const viewer = options.service.play({
    protocol,
    url,
    ip,
    // As SRS writes it: back ends take host and app from it.
    tcUrl: `rtmp://${url.vhost}/${url.app}`,
    pageUrl,
    bearer,
    answer: {
      accept() {
        const outlet = isSocket ? new WebSocketOutlet(c.req.raw) : bodyFor(c);
        c.env.takeOver(outlet);
        resolve(isSocket ? new Response(null, { status: 101 }) : answerStream(c, headers));
        return outlet;
      },
      refuse({ status, description }) {
        resolve(c.text(`${description}\n`, status));
      },
    },
  });
  leaveOnAbort(viewer, c.env.signal);
  return promise;
}

async function answerHead(
  c: RouteContext,
  answer: Verdict | Promise<Verdict>,
  service: FlvService,
): Promise<Response> {
  const verdict = await answer;
  if (verdict.type === "admitted") {
    return await service.isLive(verdict)
      ? c.body(null, 200, headersOf(verdict.service))
      : c.text(`${refuseNotLive(verdict).description}\n`, 404);
  }
  return c.text(`${verdict.refusal.description}\n`, 403);
}

function bodyFor(c: RouteContext): FlvOutlet {
  return c.env.isHttp10 ? new PlainBody() : new ChunkedBody();
}

function answerStream(c: RouteContext, headers: StreamHeaders): Response {
  if (!c.env.isHttp10) c.header("transfer-encoding", "chunked");
  return c.body(null, 200, headers);
}

/** Headers of a stream, in the container of its vhost. */
type StreamHeaders = ReturnType<typeof headersOf>;

function headersOf({ config }: VhostService) {
  return { "content-type": contentTypeOf(config.httpRemux.format), "cache-control": "no-cache" };
}

/** A separate function: a closure in the handler would keep request and response in memory. */
function leaveOnAbort(viewer: FlvViewer, signal: AbortSignal): void {
  signal.addEventListener("abort", () => viewer.leave("closed by peer"));
}
