import {
  ban,
  client,
  edge,
  endedStream,
  event,
  type Json,
  rusages,
  type ServerIdentity,
  stream,
  streamId,
  streamUrl,
  summaries,
  versions,
  vhost,
  vhostId,
} from "./api_answers.ts";
import { ApiCode, createReply, type Reply } from "./api_reply.ts";
import { encodeUtf8 } from "../base/bytes.ts";
import type { Logger } from "../base/log.ts";
import { canonicalIp, isIp } from "../config/address.ts";
import { withoutMapping } from "../io/address.ts";
import type { Ban } from "../server/bans.ts";
import { openApi, type Operation, OPERATIONS } from "./api_table.ts";
import { VERSION } from "../base/version.ts";
import {
  hasSelection,
  selectByText,
  selectClients,
  selectEvents,
  selectStreams,
} from "./list_query.ts";
import {
  addRoute,
  createApp,
  type HttpApp,
  type RouteContext,
  type RouteHandler,
} from "./routes.ts";
import type { MoveSelector } from "../server/move_clients.ts";
import { causeOf } from "./request_cause.ts";
import { readMoveTarget } from "./move_target.ts";
import { groupUpstreams, upstreamGroup } from "./upstream_groups.ts";
import type { EventLog } from "../monitor/event_log.ts";
import { withHlsViewers } from "../monitor/hls_viewers.ts";
import type {
  ClientSnapshot,
  DrainSnapshot,
  ServerSnapshot,
  ServerView,
} from "../monitor/server_view.ts";

/** Entries of a list unless the request says how many (SRS). */
const DEFAULT_COUNT = 10;

/** Longest list of an answer, so that the answer is at most 1 MiB. */
const MAX_LIST_BYTES = 1024 * 1024 - 1024;

/** Addresses named in one line of the log. */
const MAX_LOGGED_IPS = 20;

/** Clients closed in one turn of the event loop. */
const KICKS_PER_TURN = 50;

/** Options of {@linkcode createApiRoutes}. */
interface ApiRoutesOptions {
  readonly view: ServerView;
  readonly identity: ServerIdentity;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Null unless the server drains. */
  readonly drain: () => DrainSnapshot | null;
  /** The newest lines of the log; none when absent. */
  readonly events?: EventLog | null;
  readonly logger: Logger;
}

/**
 * The routes below `/api`: SRS's HTTP API, version 1. They report vhosts, streams and clients, and
 * close clients.
 */
export function createApiRoutes(options: ApiRoutesOptions): HttpApp {
  const app = createApp();
  const api = new Api(options);
  const handlers: Readonly<Record<keyof typeof OPERATIONS, RouteHandler>> = {
    index: (c) => api.answer(c, { urls: { v1: "the api version 1.0" } }),
    paths: (c) => api.answer(c, { urls: pathUrls() }),
    openapi: (c) => c.json(openApi(VERSION)),
    versions: (c) => api.answer(c, { data: versions() }),
    summaries: (c) => api.summaries(c),
    rusages: (c) => api.rusages(c),
    vhosts: (c) => api.vhosts(c),
    vhost: (c) => api.vhost(c),
    streams: (c) => api.streams(c),
    stream: (c) => api.stream(c),
    ended: (c) => api.ended(c),
    moveStream: (c) => api.moveStream(c),
    clients: (c) => api.clients(c),
    client: (c) => api.client(c),
    kick: (c) => api.kick(c),
    kickAll: (c) => api.kickAll(c),
    bans: (c) => api.bans(c),
    addBan: (c) => api.addBan(c),
    lift: (c) => api.lift(c),
    moveClient: (c) => api.moveClient(c),
    edges: (c) => api.edges(c),
    upstreams: (c) => api.upstreams(c),
    events: (c) => api.events(c),
  };
  const names = Object.keys(OPERATIONS) as (keyof typeof OPERATIONS)[];
  for (const [path, group] of Map.groupBy(names, (name) => OPERATIONS[name].path)) {
    const methods = group.map((name) => [OPERATIONS[name].method, handlers[name]] as const);
    addRoute(app, path, Object.fromEntries(methods));
  }
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
    const found = selectStreams(c, streams);
    const items = pageOf(c, found, (one) => stream(one, this.#options.now()));
    return this.answer(c, { streams: items, total: found.length });
  }

  async stream(c: RouteContext): Promise<Response> {
    const id = c.req.param("id");
    const { streams } = await this.#snapshot();
    const found = streams.find(({ vhost, name }) => streamId(vhost, name) === id);
    if (found === undefined) return this.answer(c, {}, ApiCode.noStream);
    return this.answer(c, { stream: stream(found, this.#options.now()) });
  }

  async ended(c: RouteContext): Promise<Response> {
    const { ended } = await this.#snapshot();
    const found = selectByText(c, ended, ({ vhost, name }) => [streamUrl(vhost, name)]);
    return this.answer(c, { ended: pageOf(c, found, endedStream), total: found.length });
  }

  async clients(c: RouteContext): Promise<Response> {
    const { clients } = await this.#snapshot();
    const found = selectClients(c, clients, (one) => streamUrl(one.vhost, one.stream));
    return this.answer(c, { clients: pageOf(c, found, client), total: found.length });
  }

  async edges(c: RouteContext): Promise<Response> {
    const { clients } = await this.#snapshot();
    const connections = clients.filter((one) => one.edge !== null);
    const edges = [...Map.groupBy(connections, (one) => one.edge!.id).values()];
    const found = selectByText(c, edges, ([one]) => [one!.edge!.name, one!.ip]);
    return this.answer(c, { edges: pageOf(c, found, edge), total: found.length });
  }

  async upstreams(c: RouteContext): Promise<Response> {
    const { streams } = await this.#snapshot();
    const found = selectByText(c, groupUpstreams(streams), ({ kind, origin, vhost, legs }) => [
      ...[kind, origin, vhost],
      ...legs.map(({ lastError }) => lastError),
    ]);
    const items = pageOf(c, found, upstreamGroup);
    return this.answer(c, { upstreams: items, total: found.length });
  }

  events(c: RouteContext): Response {
    const found = selectEvents(c, this.#options.events ?? null);
    return this.answer(c, { events: pageOf(c, found, event), total: found.length });
  }

  async client(c: RouteContext): Promise<Response> {
    const id = c.req.param("id");
    const { clients } = await this.#snapshot();
    const found = clients.find((one) => one.id === id);
    if (found === undefined) return this.answer(c, {}, ApiCode.noClient);
    return this.answer(c, { client: client(found) });
  }

  async kick(c: RouteContext): Promise<Response> {
    const id = c.req.param("id") ?? "";
    const seconds = readBan(c);
    if (seconds instanceof Response) return seconds;
    const { clients } = await this.#snapshot();
    await this.#ban(c, clients.filter((one) => one.id === id).map(banOf), seconds);
    const isKicked = await this.#options.view.kick(id);
    return this.answer(c, {}, isKicked ? ApiCode.success : ApiCode.noClient);
  }

  async kickAll(c: RouteContext): Promise<Response> {
    if (!hasSelection(c)) {
      return c.text("Say which clients: ?search=TEXT, ?stream=URL or ?type=TYPE\n", 400);
    }
    const seconds = readBan(c);
    if (seconds instanceof Response) return seconds;
    const { clients } = await this.#snapshot();
    const found = selectClients(c, clients, (one) => streamUrl(one.vhost, one.stream));
    await this.#ban(c, found.map(banOf), seconds);
    return this.answer(c, { data: { kicked: await this.#kickEach(found) } });
  }

  async bans(c: RouteContext): Promise<Response> {
    const bans = await this.#options.view.bans();
    const found = selectByText(c, bans, ({ ip, client, stream }) => [ip, client, stream]);
    return this.answer(c, { bans: pageOf(c, found, ban), total: found.length });
  }

  async addBan(c: RouteContext): Promise<Response> {
    const ip = readIp(c.req.query("ip"));
    if (ip === undefined) return c.text("Write an IP address: ip=203.0.113.9\n", 400);
    const seconds = readCount(c.req.query("seconds")) ?? 0;
    if (seconds === 0) return c.text("Write for how many seconds: seconds=600\n", 400);
    await this.#ban(c, [{ ip, client: "", stream: "" }], seconds);
    const { clients } = await this.#snapshot();
    const kicked = await this.#kickEach(clients.filter((one) => one.ip === ip));
    return this.answer(c, { data: { kicked } });
  }

  async lift(c: RouteContext): Promise<Response> {
    const ip = readIp(c.req.param("ip"));
    if (ip === undefined || !await this.#options.view.lift(ip)) {
      return this.answer(c, {}, ApiCode.noBan);
    }
    this.#options.logger.info("Ban lifted", { peer: ip, cause: causeOf(c) });
    return this.answer(c, {});
  }

  async #ban(
    c: RouteContext,
    subjects: readonly Omit<Ban, "ms">[],
    seconds: number,
  ): Promise<void> {
    if (seconds === 0 || subjects.length === 0) return;
    await this.#options.view.ban(subjects.map((one) => ({ ...one, ms: seconds * 1000 })));
    const ips = [...new Set(subjects.map(({ ip }) => ip))];
    const peers = ips.slice(0, MAX_LOGGED_IPS).join(" ");
    this.#options.logger.info("Addresses banned", {
      ...{ peers, count: ips.length, seconds, cause: causeOf(c) },
    });
  }

  /** @returns how many had not left */
  async #kickEach(clients: readonly ClientSnapshot[]): Promise<number> {
    let kicked = 0;
    for (const [at, { id }] of clients.entries()) {
      if (await this.#options.view.kick(id)) kicked++;
      // Others are served between.
      if (at % KICKS_PER_TURN === KICKS_PER_TURN - 1) await new Promise((go) => setTimeout(go));
    }
    return kicked;
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

  async #snapshot(): Promise<ServerSnapshot> {
    return withHlsViewers(await this.#options.view.snapshot());
  }
}

/** The lists of version 1, as SRS shows them. */
function pathUrls(): Readonly<Record<string, string>> {
  const lists = Object.values<Operation>(OPERATIONS)
    .filter(({ path, method }) => method === "GET" && /^\/api\/v1\/\w+$/.test(path));
  return Object.fromEntries(lists.map(({ path, doc }) => [path.slice("/api/v1/".length), doc]));
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

/** Returns the seconds of `ban`, 0 if there are none, or the answer to an invalid value. */
function readBan(c: RouteContext): number | Response {
  const text = c.req.query("ban") ?? "";
  return text === "" ? 0 : readCount(text) ?? c.text("Write the ban in seconds: 600\n", 400);
}

function banOf({ id, ip, vhost, stream }: ClientSnapshot): Omit<Ban, "ms"> {
  return { ip, client: id, stream: streamUrl(vhost, stream) };
}

/** Returns an IP address as clients have it in lists; undefined for any other text. */
function readIp(text: string | undefined): string | undefined {
  const ip = withoutMapping(text ?? "");
  return isIp(ip) ? canonicalIp(ip) : undefined;
}

function readCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
