import {
  client,
  type Json,
  rusages,
  type ServerIdentity,
  stream,
  streamId,
  summaries,
  versions,
  vhost,
  vhostId,
} from "./api_answers.ts";
import { ApiCode, createReply, type Reply } from "./api_reply.ts";
import { encodeUtf8 } from "../base/bytes.ts";
import { addRoute, createApp, type HttpApp, type RouteContext } from "./routes.ts";
import type { MoveSelector } from "../server/move_clients.ts";
import { readMoveTarget } from "./move_target.ts";
import type { DrainSnapshot, ServerSnapshot, ServerView } from "../monitor/server_view.ts";

/** Entries of a list unless the request says how many (SRS). */
const DEFAULT_COUNT = 10;

/** Longest list of an answer, so that the answer is at most 1 MiB. */
const MAX_LIST_BYTES = 1024 * 1024 - 1024;

/** The index of the API. */
const VERSION_URLS = { v1: "the api version 1.0" };
const URLS = {
  versions: "the version of this server",
  summaries: "the summary of the process and its traffic",
  rusages: "the processor time of the process",
  vhosts: "manage all vhosts or specified vhost",
  streams: "manage all streams or specified stream",
  clients: "manage all clients or specified client",
};

/** Options of {@linkcode createApiRoutes}. */
interface ApiRoutesOptions {
  readonly view: ServerView;
  readonly identity: ServerIdentity;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Null unless the server drains. */
  readonly drain: () => DrainSnapshot | null;
}

/**
 * The routes below `/api`: SRS's HTTP API, version 1. They report vhosts, streams and clients, and
 * close clients.
 */
export function createApiRoutes(options: ApiRoutesOptions): HttpApp {
  const app = createApp();
  const api = new Api(options);
  addRoute(app, "/api", { GET: (c) => api.answer(c, { urls: VERSION_URLS }) });
  addRoute(app, "/api/v1", { GET: (c) => api.answer(c, { urls: URLS }) });
  addRoute(app, "/api/v1/versions", { GET: (c) => api.answer(c, { data: versions() }) });
  addRoute(app, "/api/v1/summaries", { GET: (c) => api.summaries(c) });
  addRoute(app, "/api/v1/rusages", { GET: (c) => api.rusages(c) });
  addRoute(app, "/api/v1/vhosts", { GET: (c) => api.vhosts(c) });
  addRoute(app, "/api/v1/vhosts/:id", { GET: (c) => api.vhost(c) });
  addRoute(app, "/api/v1/streams", { GET: (c) => api.streams(c) });
  addRoute(app, "/api/v1/streams/:id", { GET: (c) => api.stream(c) });
  addRoute(app, "/api/v1/streams/:id/move", { POST: (c) => api.moveStream(c) });
  addRoute(app, "/api/v1/clients", { GET: (c) => api.clients(c) });
  addRoute(app, "/api/v1/clients/:id", {
    GET: (c) => api.client(c),
    DELETE: (c) => api.kick(c),
  });
  addRoute(app, "/api/v1/clients/:id/move", { POST: (c) => api.moveClient(c) });
  app.all("/api/*", (c) => api.answer(c, {}, ApiCode.noPath));
  return app;
}

class Api {
  /** Puts fields into SRS's envelope. */
  readonly answer: Reply;
  readonly #options: ApiRoutesOptions;

  constructor(options: ApiRoutesOptions) {
    this.answer = createReply(options.identity);
    this.#options = options;
  }

  async summaries(c: RouteContext): Promise<Response> {
    const { now, drain } = this.#options;
    return this.answer(c, { data: summaries(await this.#snapshot(), now(), drain()) });
  }

  async rusages(c: RouteContext): Promise<Response> {
    return this.answer(c, { data: rusages(await this.#snapshot(), this.#options.now()) });
  }

  async vhosts(c: RouteContext): Promise<Response> {
    const snapshot = await this.#snapshot();
    const vhosts = snapshot.vhosts.map((one) => vhost(one, snapshot));
    return this.answer(c, { vhosts });
  }

  async vhost(c: RouteContext): Promise<Response> {
    const id = c.req.param("id");
    const snapshot = await this.#snapshot();
    const found = snapshot.vhosts.find(({ name }) => vhostId(name) === id);
    if (found === undefined) return this.answer(c, {}, ApiCode.noVhost);
    return this.answer(c, { vhost: vhost(found, snapshot) });
  }

  async streams(c: RouteContext): Promise<Response> {
    const { streams } = await this.#snapshot();
    const items = pageOf(c, streams, (one) => stream(one, this.#options.now()));
    return this.answer(c, { streams: items, total: streams.length });
  }

  async stream(c: RouteContext): Promise<Response> {
    const id = c.req.param("id");
    const { streams } = await this.#snapshot();
    const found = streams.find(({ vhost, name }) => streamId(vhost, name) === id);
    if (found === undefined) return this.answer(c, {}, ApiCode.noStream);
    return this.answer(c, { stream: stream(found, this.#options.now()) });
  }

  async clients(c: RouteContext): Promise<Response> {
    const { clients } = await this.#snapshot();
    const items = pageOf(c, clients, client);
    return this.answer(c, { clients: items, total: clients.length });
  }

  async client(c: RouteContext): Promise<Response> {
    const id = c.req.param("id");
    const { clients } = await this.#snapshot();
    const found = clients.find((one) => one.id === id);
    if (found === undefined) return this.answer(c, {}, ApiCode.noClient);
    return this.answer(c, { client: client(found) });
  }

  async kick(c: RouteContext): Promise<Response> {
    const isKicked = await this.#options.view.kick(c.req.param("id") ?? "");
    return this.answer(c, {}, isKicked ? ApiCode.success : ApiCode.noClient);
  }

  async moveClient(c: RouteContext): Promise<Response> {
    return await this.#move(c, { id: c.req.param("id") ?? "" }, ApiCode.noClient);
  }

  async moveStream(c: RouteContext): Promise<Response> {
    const id = c.req.param("id");
    const { streams } = await this.#snapshot();
    const found = streams.find(({ vhost, name }) => streamId(vhost, name) === id);
    if (found === undefined) return this.answer(c, {}, ApiCode.noStream);
    return await this.#move(c, { vhost: found.vhost, stream: found.name }, ApiCode.noStream);
  }

  async #move(c: RouteContext, selector: MoveSelector, noneCode: number): Promise<Response> {
    const target = readMoveTarget(c);
    if (target instanceof Response) return target;
    const data = await this.#options.view.move(selector, target);
    return this.answer(c, { data }, data.asked + data.unable > 0 ? ApiCode.success : noneCode);
  }

  #snapshot(): Promise<ServerSnapshot> {
    return this.#options.view.snapshot();
  }
}

/**
 * Returns the page of a list that `start` and `count` of the query select, and less where clients
 * have long texts. Invalid values are ignored.
 */
function pageOf<T>(c: RouteContext, list: readonly T[], describe: (one: T) => Json): Json[] {
  const start = readCount(c.req.query("start")) ?? 0;
  const count = readCount(c.req.query("count")) ?? DEFAULT_COUNT;
  const items: Json[] = [];
  let bytes = 0;
  for (const one of list.slice(start, start + count)) {
    const item = describe(one);
    bytes += encodeUtf8(JSON.stringify(item)).length + 1;
    if (bytes > MAX_LIST_BYTES && items.length > 0) break;
    items.push(item);
  }
  return items;
}

function readCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
