/**
 * Every route of the API: what it does and takes. The routes are made from this table, and so are
 * the OpenAPI description and `docs/api.md`, so they cannot differ.
 */

/** A parameter in the query. */
interface Parameter {
  readonly name: string;
  readonly doc: string;
}

/** One method of one path. */
export interface Operation {
  readonly method: "GET" | "POST" | "DELETE";
  /** With `:id` for a part that varies. */
  readonly path: string;
  /** One sentence. */
  readonly doc: string;
  readonly query?: readonly Parameter[];
  /** Fields of the answer beside `code`, `server`, `service` and `pid`. */
  readonly fields?: string;
}

const PAGE: readonly Parameter[] = [
  { name: "start", doc: "First entry, 0 by default" },
  { name: "count", doc: "Most entries, 10 by default; an answer has 1 MiB at most" },
];

const TARGET: Parameter = {
  name: "tcUrl",
  doc: "`rtmp://HOST[:PORT][/APP]`; without it, the address that the client used",
};

const SEARCH_CLIENTS: Parameter = {
  name: "search",
  doc: "Text in id, address, stream, type, page or name of the edge",
};

const STREAM: Parameter = {
  name: "stream",
  doc: "Only clients of the stream with this `url`",
};

const TYPE: Parameter = {
  name: "type",
  doc: "Only `rtmp-play`, `fmle-publish`, `flv-play` or `hls-play`",
};

const BAN: Parameter = {
  name: "ban",
  doc: "Also refuses the address for this many seconds, a day at most",
};

/** By name. */
export const OPERATIONS = {
  index: { method: "GET", path: "/api", doc: "Lists the versions of the API.", fields: "urls" },
  paths: { method: "GET", path: "/api/v1", doc: "Lists the paths of version 1.", fields: "urls" },
  openapi: {
    ...{ method: "GET", path: "/api/v1/openapi.json" },
    doc: "Describes the API in OpenAPI 3.1, without the usual envelope.",
  },
  versions: {
    ...{ method: "GET", path: "/api/v1/versions", fields: "data" },
    doc: "The version of this server.",
  },
  summaries: {
    ...{ method: "GET", path: "/api/v1/summaries", fields: "data" },
    doc: "The process, its machine and its traffic.",
  },
  rusages: {
    ...{ method: "GET", path: "/api/v1/rusages", fields: "data" },
    doc: "The processor time of the process.",
  },
  vhosts: { method: "GET", path: "/api/v1/vhosts", doc: "All vhosts.", fields: "vhosts" },
  vhost: { method: "GET", path: "/api/v1/vhosts/:id", doc: "One vhost.", fields: "vhost" },
  streams: {
    ...{ method: "GET", path: "/api/v1/streams", fields: "streams, total" },
    doc: "Streams with a source or players.",
    query: [
      ...PAGE,
      { name: "search", doc: "Text in the name, the encoder or an origin" },
      {
        name: "sort",
        doc:
          "`name`, `players`, `audience`, `recv`, `send`, `lag`, `switches` or `fps`; with `-` " +
          "the largest first",
      },
    ],
  },
  stream: { method: "GET", path: "/api/v1/streams/:id", doc: "One stream.", fields: "stream" },
  ended: {
    ...{ method: "GET", path: "/api/v1/ended", fields: "ended, total" },
    doc: "Streams that have ended, the newest first, with their counters since the start.",
    query: [...PAGE, { name: "search", doc: "Text in the `url`" }],
  },
  moveStream: {
    ...{ method: "POST", path: "/api/v1/streams/:id/move", fields: "data" },
    doc: "Asks all clients of a stream to connect again.",
    query: [TARGET],
  },
  clients: {
    ...{ method: "GET", path: "/api/v1/clients", fields: "clients, total" },
    doc: "Clients that play, publish or wait for a stream.",
    query: [
      ...PAGE,
      SEARCH_CLIENTS,
      STREAM,
      TYPE,
      {
        name: "sort",
        doc: "`id`, `ip`, `stream`, `age`, `rate` or `skips`; with `-` the largest first",
      },
    ],
  },
  kickAll: {
    ...{ method: "DELETE", path: "/api/v1/clients", fields: "data" },
    doc: "Closes all clients that `search`, `stream` or `type` select; one of them is required.",
    query: [SEARCH_CLIENTS, STREAM, TYPE, BAN],
  },
  client: { method: "GET", path: "/api/v1/clients/:id", doc: "One client.", fields: "client" },
  kick: {
    ...{ method: "DELETE", path: "/api/v1/clients/:id" },
    doc: "Closes a client.",
    query: [BAN],
  },
  bans: {
    ...{ method: "GET", path: "/api/v1/bans", fields: "bans, total" },
    doc: "Addresses that are refused, the newest first, with the seconds that are left.",
    query: [...PAGE, { name: "search", doc: "Text in address, client or stream" }],
  },
  addBan: {
    ...{ method: "POST", path: "/api/v1/bans", fields: "data" },
    doc: "Refuses an address, and closes its clients. Replaces an earlier ban of it.",
    query: [
      { name: "ip", doc: "IP address, required" },
      { name: "seconds", doc: "For how long, required; a day at most" },
    ],
  },
  lift: {
    ...{ method: "DELETE", path: "/api/v1/bans/:ip" },
    doc: "Ends a ban.",
  },
  moveClient: {
    ...{ method: "POST", path: "/api/v1/clients/:id/move", fields: "data" },
    doc: "Asks a client to connect again.",
    query: [TARGET],
  },
  edges: {
    ...{ method: "GET", path: "/api/v1/edges", fields: "edges, total" },
    doc: "Edges that pull from this server or push to it, and what they report.",
    query: [...PAGE, { name: "search", doc: "Text in name or address" }],
  },
  upstreams: {
    ...{ method: "GET", path: "/api/v1/upstreams", fields: "upstreams, total" },
    doc: "Servers that streams are pulled from, pushed to or forwarded to, with sums over them.",
    query: [...PAGE, { name: "search", doc: "Text in address, vhost, kind or newest failure" }],
  },
  events: {
    ...{ method: "GET", path: "/api/v1/events", fields: "events, total" },
    doc: "The newest lines of the log, newest first: some hundred of each layer and level.",
    query: [
      ...PAGE,
      { name: "search", doc: "Text in the line" },
      { name: "level", doc: "At least `info` (default), `warning` or `error`" },
      { name: "layer", doc: "Only of these layers, separated by commas" },
    ],
  },
} as const satisfies Readonly<Record<string, Operation>>;

/** Routes of the program itself; see `control_routes.ts`. */
export const CONTROL_OPERATIONS = {
  reload: {
    ...{ method: "POST", path: "/api/v1/reload", fields: "data" },
    doc: "Loads the configuration again and applies it.",
  },
  forwards: {
    ...{ method: "GET", path: "/api/v1/vhosts/:id/forwards", fields: "forwards" },
    doc: "Destinations of `forward` of an origin vhost: `configured` ones, and those added here.",
  },
  addForward: {
    ...{ method: "POST", path: "/api/v1/vhosts/:id/forwards", fields: "data" },
    doc: "Adds a destination until the server ends, and reloads the configuration.",
    query: [{
      name: "destination",
      doc: "As in `forward.destination`, URL-encoded; it is not shown again",
    }],
  },
  removeForward: {
    ...{ method: "DELETE", path: "/api/v1/vhosts/:id/forwards/:forward" },
    doc: "Removes a destination that was added, and reloads the configuration. Those of the " +
      "configuration are removed there: 400.",
  },
  drain: {
    ...{ method: "POST", path: "/api/v1/drain" },
    doc: "Waits for all clients to leave, then stops.",
    query: [
      { name: "timeout", doc: "Replaces `drain_timeout`: `90`, `90s`, `5m`, `500ms`" },
      TARGET,
    ],
  },
  raw: {
    ...{ method: "GET", path: "/api/v1/raw", fields: "data" },
    doc: "SRS's way to reload; off unless `raw_api` allows it.",
    query: [{ name: "rpc", doc: "`raw`, `reload` or `reload-fetch`" }],
  },
} as const satisfies Readonly<Record<string, Operation>>;

/** Returns the description of the API in OpenAPI 3.1. */
export function openApi(version: string): Readonly<Record<string, unknown>> {
  const paths: Record<string, Record<string, unknown>> = {};
  const operations = Object.entries<Operation>({ ...OPERATIONS, ...CONTROL_OPERATIONS });
  for (const [operationId, { method, path, doc, query = [] }] of operations) {
    const key = path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[key] ??= {})[method.toLowerCase()] = {
      operationId,
      summary: doc,
      parameters: [
        ...Array.from(path.matchAll(/:(\w+)/g), ([, name]) => ({
          ...{ name, in: "path", required: true },
          schema: { type: "string" },
        })),
        ...query.map(({ name, doc }) => ({
          ...{ name, in: "query", description: doc },
          schema: { type: "string" },
        })),
      ],
      ...(method === "GET" || query.length === 0 ? {} : { requestBody: bodyOf(query) }),
      responses: { "200": ANSWER },
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "edge", version, description: "SRS's HTTP API, and what this server adds." },
    paths,
  };
}

/** The parameters of the query may stand in the body instead. */
function bodyOf(query: readonly Parameter[]) {
  const properties = query.map(({ name, doc }) => [name, { type: "string", description: doc }]);
  const schema = { type: "object", properties: Object.fromEntries(properties) };
  return { required: false, content: { "application/json": { schema } } };
}

const ANSWER = {
  description:
    "`code` is 0, or says what is missing: 2014 vhost, 2048 stream, 2049 client, 2050 forward, 2051 ban",
  content: {
    "application/json": {
      schema: {
        type: "object",
        required: ["code", "server", "service", "pid"],
        properties: {
          code: { type: "integer" },
          server: { type: "string" },
          service: { type: "string" },
          pid: { type: "string" },
        },
      },
    },
  },
} as const;
