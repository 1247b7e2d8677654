import { LOG_LEVELS, type LogLevel } from "../base/log.ts";
import type { EventLog, LoggedEvent } from "../monitor/event_log.ts";
import type { ClientSnapshot, StreamSnapshot } from "../monitor/server_view.ts";
import type { RouteContext } from "./routes.ts";

/** Longest search text, in characters. */
const MAX_SEARCH_LENGTH = 100;

/** What streams can be sorted by, with `sort=NAME` or, the largest first, `sort=-NAME`. */
const STREAM_KEYS: Readonly<Record<string, (stream: StreamSnapshot) => number | string>> = {
  name: ({ vhost, name }) => `${vhost}/${name}`,
  players: ({ players }) => players,
  audience: ({ audience }) => audience.players,
  recv: ({ rate }) => rate.recvKbps,
  send: ({ rate }) => rate.sendKbps,
  lag: ({ audience }) => audience.lagMs,
  switches: ({ upstreams }) => upstreams.reduce((sum, { switches }) => sum + switches, 0),
  fps: ({ health }) => health.frameRate,
};

/** The same of clients. */
const CLIENT_KEYS: Readonly<Record<string, (client: ClientSnapshot) => number | string>> = {
  id: ({ id }) => id.padStart(16),
  ip: ({ ip }) => ip,
  stream: ({ vhost, stream }) => `${vhost}/${stream}`,
  age: ({ ageMs }) => ageMs,
  rate: ({ rate }) => Math.max(rate.recvKbps, rate.sendKbps),
  skips: ({ skips }) => skips,
};

/** Returns the streams that a request asks for: `search` in their names, `sort`. */
export function selectStreams(
  c: RouteContext,
  streams: readonly StreamSnapshot[],
): readonly StreamSnapshot[] {
  const wanted = searchOf(c);
  const found = wanted === ""
    ? streams
    : streams.filter(({ vhost, name, health, upstreams }) =>
      contains(wanted, vhost, name, health.encoder, ...upstreams.map(({ origin }) => origin))
    );
  return sorted(c, found, STREAM_KEYS);
}

/**
 * Returns the clients that a request asks for: `search` in what they say of themselves, `stream`
 * (`vhost/app/stream` as in `url`), `type`, `sort`.
 */
export function selectClients(
  c: RouteContext,
  clients: readonly ClientSnapshot[],
  urlOf: (client: ClientSnapshot) => string,
): readonly ClientSnapshot[] {
  const wanted = searchOf(c);
  const [stream, type] = [c.req.query("stream"), c.req.query("type")];
  const found = clients.filter((client) => {
    if (stream !== undefined && urlOf(client) !== stream) return false;
    if (type !== undefined && client.type !== type) return false;
    if (wanted === "") return true;
    const { id, ip, vhost, stream: name, pageUrl, edge } = client;
    return contains(wanted, id, ip, vhost, name, client.type, pageUrl, edge?.name ?? "");
  });
  return sorted(c, found, CLIENT_KEYS);
}

/** Whether a request to change clients says which ones. */
export function hasSelection(c: RouteContext): boolean {
  return ["stream", "type"].some((name) => c.req.query(name) !== undefined) || searchOf(c) !== "";
}

/** Returns the entries with the `search` of a request in one of their texts. */
export function selectByText<T>(
  c: RouteContext,
  list: readonly T[],
  textsOf: (one: T) => readonly string[],
): readonly T[] {
  const wanted = searchOf(c);
  return wanted === "" ? list : list.filter((one) => contains(wanted, ...textsOf(one)));
}

/** Returns the lines of the log that a request asks for: `level`, `layer`, `search`. */
export function selectEvents(c: RouteContext, log: EventLog | null): readonly LoggedEvent[] {
  const level = LOG_LEVELS.find((known) => known === c.req.query("level")) ?? "info";
  const layers = c.req.query("layer")?.split(",");
  const lines = log?.newest(level satisfies LogLevel) ?? [];
  const found = layers === undefined ? lines : lines.filter(({ layer }) => layers.includes(layer));
  return selectByText(c, found, ({ about, message, fields }) => [
    about,
    message,
    ...Object.values(fields).map(String),
  ]);
}

function searchOf(c: RouteContext): string {
  return (c.req.query("search") ?? "").trim().slice(0, MAX_SEARCH_LENGTH).toLowerCase();
}

function contains(wanted: string, ...texts: readonly string[]): boolean {
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

/** Sorts by `sort` of the query; the order stays where it names nothing known. */
function sorted<T>(
  c: RouteContext,
  list: readonly T[],
  keys: Readonly<Record<string, (one: T) => number | string>>,
): readonly T[] {
  const sort = c.req.query("sort") ?? "";
  const isDown = sort.startsWith("-");
  const name = isDown ? sort.slice(1) : sort;
  if (!Object.hasOwn(keys, name)) return list;
  const keyed = list.map((one) => ({ one, key: keys[name]!(one) }));
  keyed.sort((left, right) => compare(left.key, right.key) * (isDown ? -1 : 1));
  return keyed.map(({ one }) => one);
}

function compare(left: number | string, right: number | string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
